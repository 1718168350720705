/**
 * Keeps our provider in OpenClaw's configuration in step with the catalogue. Only our own entries are touched, the
 * user's comments and order stay, and a file that is not understood is left alone. Its `auth-profiles.json` is never
 * written: current versions of OpenClaw fail with what older installers put there.
 */

import { chownSync, copyFileSync, existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { type JSONPath, type ParseError, parse } from "jsonc-parser";
import { readText, writeWhole } from "../config/whole-file.ts";
import type { CatalogModel } from "../core/catalog.ts";
import { OcpError } from "../core/errors.ts";
import { setJson } from "./jsonc.ts";
import { providerModels, providerName } from "./provider.ts";

export interface SyncOptions {
  home: string;
  models: readonly CatalogModel[];
  /** Alias to model id. */
  aliases: ReadonlyMap<string, string>;
  /** Where the server answers on this machine. */
  url: string;
  /** For a provider that is not there yet: OpenClaw wants one that is not empty. Null: it is not made. */
  apiKey: string | null;
  /** Epoch ms. */
  now: number;
}

/** What differs; each is a sentence. */
export interface Drift {
  file: string;
  changes: string[];
  /** The text with the changes made. */
  text: string;
}

export function openclawFile(home: string): string {
  return join(home, ".openclaw", "openclaw.json");
}

/** Null when OpenClaw is not here. Writes nothing. Throws OcpError not_ready for a file that cannot be understood. */
export function findDrift({ home, models, aliases, url, apiKey }: Omit<SyncOptions, "now">): Drift | null {
  const file = openclawFile(home);
  if (!existsSync(file)) return null;
  const [, mark = "", before = ""] = /^(\uFEFF?)([\s\S]*)$/.exec(readText(file) ?? "") ?? [];
  const found = understood(before, file);
  const changes: string[] = [];
  let text = before;
  const set = (path: JSONPath, value: unknown, sentence: string) => {
    text = setJson(text, path, value);
    changes.push(sentence);
  };

  const provider = at(found, ["models", "providers", providerName]);
  const wanted = { baseUrl: `${url}/v1`, models: providerModels(models) };
  const path = ["models", "providers", providerName];
  if (provider === undefined) {
    if (apiKey === null) return { file, changes, text: mark + text };
    set(
      path,
      { baseUrl: wanted.baseUrl, apiKey, api: "openai-completions", models: wanted.models },
      `The provider ${providerName} is missing.`,
    );
    if (at(found, ["models", "mode"]) === undefined)
      set(["models", "mode"], "merge", "The models of providers are not merged.");
  } else {
    const now = provider as { baseUrl?: unknown; models?: unknown };
    if (now.baseUrl !== wanted.baseUrl)
      set([...path, "baseUrl"], wanted.baseUrl, "It points to another address than the server's.");
    if (!Bun.deepEquals(now.models, wanted.models))
      set([...path, "models"], wanted.models, "Its models are not those of this version.");
  }

  const known = at(found, ["agents", "defaults", "models"]) as Record<string, unknown> | undefined;
  for (const name of Object.keys(known ?? {})) {
    const [, id] = name.split(`${providerName}/`);
    if (!name.startsWith(`${providerName}/`) || models.some((model) => model.id === id)) continue;
    set(["agents", "defaults", "models", name], undefined, `It has settings for ${id}, which is gone.`);
  }
  const taken = new Set(Object.values(known ?? {}).map((each) => (each as { alias?: unknown } | null)?.alias));
  for (const [alias, id] of aliases) {
    const name = `${providerName}/${id}`;
    if (taken.has(alias) || known?.[name] !== undefined) continue;
    set(["agents", "defaults", "models", name], { alias }, `The alias ${alias} is missing.`);
  }
  return { file, changes, text: mark + text };
}

/** Makes the changes, and keeps the file as it was beside it. Returns where that is; null when nothing differed. */
export function syncOpenClaw(options: SyncOptions): { drift: Drift | null; backup: string | null } {
  const drift = findDrift(options);
  if (drift === null || drift.changes.length === 0) return { drift, backup: null };
  // Through links, to the file itself: the links stay.
  const file = realpathSync(drift.file);
  const backup = `${file}.bak.${options.now}`;
  const { mode, uid, gid } = statSync(file);
  copyFileSync(file, backup);
  writeWhole(file, drift.text, mode & 0o777);
  // Root may do this for somebody else, whose files they stay.
  for (const each of [file, backup]) if (statSync(each).uid !== uid) chownSync(each, uid, gid);
  return { drift, backup };
}

function understood(text: string, file: string): unknown {
  const errors: ParseError[] = [];
  const found: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length === 0 && typeof found === "object" && found !== null && !Array.isArray(found)) return found;
  throw new OcpError(
    "not_ready",
    `${file} is not JSON with comments, so it is left alone. Use OpenClaw's own command: openclaw config set models.providers.${providerName} ...`,
  );
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  );
}
