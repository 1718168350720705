/**
 * Keeps our provider in OpenClaw's configuration in step with the catalogue. Only our own entries are touched, the
 * user's comments and order stay, and a file that is not understood is left alone. Its `auth-profiles.json` is never
 * written: current versions of OpenClaw fail with what older installers put there.
 */

import { existsSync } from "node:fs";
import { finishWrite, readText } from "../config/whole-file.ts";
import type { CatalogModel } from "../core/catalog.ts";
import { isFields, type Path, valueAt } from "../edit/path.ts";
import { changedText, openclawFile, readSettings, replaceText } from "./file.ts";
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

/** Null when OpenClaw is not here. Writes nothing. Throws OcpError not_ready for a file that cannot be understood. */
export function findDrift({ home, models, aliases, url, apiKey }: Omit<SyncOptions, "now">): Drift | null {
  const file = openclawFile(home);
  if (!existsSync(file)) return null;
  const before = readText(file) ?? "";
  const found = readSettings(file);
  const changes: string[] = [];
  let text = before;
  const set = (path: Path, value: unknown, sentence: string) => {
    text = changedText(file, text, [{ path, value }]);
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
  finishWrite(openclawFile(options.home));
  const drift = findDrift(options);
  if (drift === null || drift.changes.length === 0) return { drift, backup: null };
  return { drift, backup: replaceText(drift.file, drift.text, options.now) };
}
