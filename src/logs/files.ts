/** The files of the log: the one that grows, `ocp.log`, and older ones that are named by when they were full. */

import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const current = "ocp.log";
const older = /^ocp-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-\d+\.log$/;

export function currentFile(directory: string): string {
  return join(directory, current);
}

/** The older files' paths, oldest first; none when the directory cannot be read. */
export function olderFiles(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && older.test(entry.name))
      .map(({ name }) => name)
      .sort()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** Puts the current file among the older ones, unless another process just did. `time` (epoch ms) makes its name unique. */
export function rotate(directory: string, time: number): void {
  const stamp = new Date(time).toISOString().replace(/[:.]/g, "-");
  try {
    renameSync(currentFile(directory), join(directory, `ocp-${stamp}-${process.pid}.log`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Deletes all older files but the newest `keep`. */
export function prune(directory: string, keep: number): void {
  const files = olderFiles(directory);
  for (const path of files.slice(0, Math.max(0, files.length - keep))) rmSync(path, { force: true });
}
