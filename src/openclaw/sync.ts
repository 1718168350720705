/**
 * Keeps our provider in OpenClaw's configuration in step with the catalogue. Only our own entries are touched, the
 * user's comments and order stay, and a file that is not understood is left alone. Its `auth-profiles.json` is never
 * written: current versions of OpenClaw fail with what older installers put there.
 */

import { chownSync, copyFileSync, existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../config/whole-file.ts";
import type { CatalogModel } from "../core/catalog.ts";
import { OcpError } from "../core/errors.ts";
import { changed, readOrThrow, unmarked } from "../edit/format.ts";
import { json5 } from "../edit/json.ts";
import { isFields, type Path, valueAt } from "../edit/path.ts";
import { localProviderName as name, provider, providerModels } from "./provider.ts";

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
  const before = readText(file) ?? "";
  const found = understood(before, file);
  const changes: string[] = [];
  let text = before;
  const set = (path: Path, value: unknown, sentence: string) => {
    text = orThrow(file, () => changed(json5, text, [{ path, value }]));
    changes.push(sentence);
  };

  const provided = models.map(({ openclawName, vision, maxTokens, ...model }) => ({
    ...model,
    name: openclawName,
    images: vision,
    maxOutput: maxTokens,
  }));
  const path = ["models", "providers", name];
  const now = valueAt(found, path);
  const baseUrl = `${url}/v1`;
  if (now === undefined) {
    if (apiKey === null) return { file, changes, text };
    set(path, provider(baseUrl, apiKey, provided), `The provider ${name} is missing.`);
    if (valueAt(found, ["models", "mode"]) === undefined)
      set(["models", "mode"], "merge", "The models of providers are not merged.");
  } else {
    if (valueAt(now, ["baseUrl"]) !== baseUrl)
      set([...path, "baseUrl"], baseUrl, "It points to another address than the server's.");
    if (!Bun.deepEquals(valueAt(now, ["models"]), providerModels(provided)))
      set([...path, "models"], providerModels(provided), "Its models are not those of this version.");
  }

  const settings = ["agents", "defaults", "models"];
  const known = valueAt(found, settings);
  const entries = isFields(known) ? known : {};
  for (const each of Object.keys(entries)) {
    const id = each.startsWith(`${name}/`) ? each.slice(name.length + 1) : null;
    if (id === null || models.some((model) => model.id === id)) continue;
    set([...settings, each], undefined, `It has settings for ${id}, which is gone.`);
  }
  const taken = new Set(Object.values(entries).map((each) => valueAt(each, ["alias"])));
  for (const [alias, id] of aliases) {
    const each = `${name}/${id}`;
    if (taken.has(alias) || Object.hasOwn(entries, each)) continue;
    set([...settings, each], { alias }, `The alias ${alias} is missing.`);
  }
  return { file, changes, text };
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
  const found = orThrow(file, () => readOrThrow(json5, unmarked(text).text));
  if (found === undefined || isFields(found)) return found;
  return orThrow(file, () => {
    throw new Error("is no object");
  });
}

function orThrow<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const advice = `Use OpenClaw's own command: openclaw config set models.providers.${name} ...`;
    throw new OcpError("not_ready", `${file} is JSON5 that cannot be changed, so it is left alone. ${advice}`, {
      cause,
    });
  }
}
