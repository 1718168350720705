/** What the CLI leaves of itself in its home when it is killed (2.1.197, 2.1.330). */

import { lstat, mkdir, readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { OcpError } from "../core/errors.ts";

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

/** Removes a file, or a directory with all below it; of a symbolic link the link alone. Never fails. */
export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true }).catch(() => {});
}

/** Removes `path`, which is relative to `root`, unless a symbolic link stands on the way: what it leads to is not ours. Never fails. */
export async function removeBelow(root: string, path: string): Promise<void> {
  const parents = path.split("/").slice(0, -1);
  let at = root;
  for (const name of parents) {
    at = join(at, name);
    if (!(await isDirectory(at))) return;
  }
  await remove(join(root, path));
}

/** Removes files by their names; a directory of such a name is somebody else's. Never fails. */
export async function removeMatching(directory: string, pattern: RegExp): Promise<void> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => pattern.test(name));
  await Promise.all(names.map((name) => unlink(join(directory, name)).catch(() => {})));
}

/** Returns whether it is a directory itself, and no link to one. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Makes a directory that is swept. Throws OcpError not_ready for a link: the sweep would empty what it leads to. */
export async function makeSwept(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (await isDirectory(path)) return;
  throw new OcpError("not_ready", `${path} is a symbolic link. Remove it: OCP makes this directory, and empties it.`);
}
