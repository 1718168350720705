/** What the CLI leaves of itself in its home when it is killed (2.1.197, 2.1.330). */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** In `sessions/` of its configuration. */
export function sessionRecord(pid: number): RegExp {
  return new RegExp(`^${pid}\\.(json|[0-9a-f]{16,}\\.key)(\\.tmp\\.[0-9a-f]+)?$`);
}

/** Beside its `.claude.json`, when it was about to write that. */
export function partialConfiguration(pid: number): RegExp {
  return new RegExp(`^\\.claude\\.json\\.tmp\\.${pid}\\.[0-9a-f]+$`);
}

/** Its socket, in the directory for those. */
export function socketOf(pid: number): RegExp {
  return new RegExp(`^${pid}\\.sock$`);
}

/**
 * Where the CLI logs the calls of a client's tools and what failed of them, on Linux and on macOS: a file for each
 * process, named by the time. Nobody reads it, and a process that lost it goes on.
 */
export const toolLogs = [".cache/claude-cli-nodejs", "Library/Caches/claude-cli-nodejs"];

/** Never fails. */
export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true }).catch(() => {});
}

/** Never fails. */
export async function removeMatching(directory: string, pattern: RegExp): Promise<void> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => pattern.test(name));
  await Promise.all(names.map((name) => remove(join(directory, name))));
}
