/** What services of earlier versions leave to the new one: their settings, and copies of what was replaced. */

import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";

/** Of an older service's environment, what the server reads; the rest is how that version itself was run. */
export function ourVariables(environment: Readonly<Record<string, string>>): Record<string, string> {
  const isOurs = (name: string) => /^(CLAUDE|OCP|PROXY)_/.test(name) && name !== "OCP_DIR_OVERRIDE";
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isOurs(name)));
}

/** Copies a file that is about to be replaced, readable by its owner only: it may hold keys. Returns where to. */
export function keepBackup(data: string, path: string, now: number): string {
  const directory = join(data, "replaced");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const backup = join(directory, `${basename(path)}.${now}`);
  copyFileSync(path, backup);
  chmodSync(backup, 0o600);
  return backup;
}
