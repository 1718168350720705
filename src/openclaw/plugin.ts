/** The chat command `/ocp` in OpenClaw's gateway: its files in `extensions/ocp`, and what the configuration says of it. */

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { finishWrite, readText, writeWhole } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import type { Edit } from "../edit/path.ts";
import { valueAt } from "../edit/path.ts";
import { openclawFile, readSettings, rewrite } from "./file.ts";
import codePath from "./plugin/index.js" with { type: "file" };
import manifest from "./plugin/openclaw.plugin.json";
import packageFile from "./plugin/package.json";

const id = "ocp";
const entry = ["plugins", "entries", id];
const allowed = ["plugins", "allow"];

export interface PluginChange {
  directory: string;
  /** What was done, a sentence each; none: all was as it should be. */
  done: string[];
}

export function pluginDirectory(home: string): string {
  return join(dirname(openclawFile(home)), "extensions", id);
}

/** By name. `version`: of this ocp, which the plugin then bears. */
async function pluginFiles(version: string): Promise<Map<string, string>> {
  const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([
    ["openclaw.plugin.json", json({ ...manifest, version })],
    ["package.json", json({ ...packageFile, version })],
    ["index.js", await Bun.file(codePath).text()],
  ]);
}

/** Whether it is there and of another version. */
export async function isPluginOutdated(home: string, version: string): Promise<boolean> {
  const directory = pluginDirectory(home);
  if (!existsSync(directory)) return false;
  return [...(await pluginFiles(version))].some(([name, text]) => readText(join(directory, name)) !== text);
}

/**
 * Puts the plugin where the gateway finds it and lets it run. `now`: epoch ms. Throws OcpError not_ready where OpenClaw
 * is not on this machine, or its configuration cannot be changed or forbids it.
 */
export async function installPlugin(home: string, version: string, now: number): Promise<PluginChange> {
  const file = openclawFile(home);
  if (!existsSync(dirname(file)))
    throw new OcpError("not_ready", `OpenClaw is not on this machine: there is no ${dirname(file)}.`);
  finishWrite(file);
  const settings = readSettings(file);
  const denied = valueAt(settings, ["plugins", "deny"]);
  if (Array.isArray(denied) && denied.includes(id)) {
    throw new OcpError("not_ready", `${file} denies the plugin ${id}. Take it out of plugins.deny first.`);
  }
  const directory = pluginDirectory(home);
  const done: string[] = [];
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of await pluginFiles(version)) {
    if (readText(join(directory, name)) === text) continue;
    writeWhole(join(directory, name), text, 0o644);
    done.push(`Wrote ${join(directory, name)}.`);
  }
  const list = valueAt(settings, allowed);
  const edits: Edit[] = [
    ...(valueAt(settings, [...entry, "enabled"]) === true ? [] : [{ path: [...entry, "enabled"], value: true }]),
    // Without a list all may run; one of ours alone would shut out the others.
    ...(Array.isArray(list) && list.length > 0 && !list.includes(id)
      ? [{ path: [...allowed, { is: id }], value: id }]
      : []),
  ];
  if (edits.length > 0) done.push(written(file, rewrite(file, edits, now)));
  return { directory, done };
}

/** Takes it away again. */
export function removePlugin(home: string, now: number): PluginChange {
  const file = openclawFile(home);
  const directory = pluginDirectory(home);
  const done: string[] = [];
  finishWrite(file);
  const settings = existsSync(file) ? readSettings(file) : undefined;
  const list = valueAt(settings, allowed);
  const edits: Edit[] = [
    ...(valueAt(settings, entry) === undefined ? [] : [{ path: entry, value: undefined }]),
    ...(Array.isArray(list) && list.includes(id) ? [{ path: [...allowed, { is: id }], value: undefined }] : []),
  ];
  if (edits.length > 0) done.push(written(file, rewrite(file, edits, now)));
  if (existsSync(directory)) {
    rmSync(directory, { recursive: true });
    done.push(`Removed ${directory}.`);
  }
  return { directory, done };
}

function written(file: string, backup: string | null): string {
  return `Wrote ${file}${backup === null ? "" : `; as it was it is in ${backup}`}.`;
}
