/** The copies of a database of OCP 3 that were made before its migration. They hold keys in plain text. */

import type { Database } from "bun:sqlite";
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { notReady, troubleOf } from "./trouble.ts";

/** SQLite keeps a journal beside a copy while it makes it. */
const pattern = /^ocp\.db\.before-4\.0-(\d+)\.bak(\.part(-journal)?)?$/;

/** Also one that was not finished, and its journal. */
export function isBackup(name: string): boolean {
  return pattern.test(name);
}

export interface Backup {
  /** Its file in the data directory. */
  name: string;
  path: string;
  /** Epoch ms. */
  createdAt: number;
  bytes: number;
}

/** The backups that remain in the data directory, oldest first; none when it cannot be read. */
export function remainingBackups(directory: string): Backup[] {
  return names(directory)
    .flatMap((name) => {
      const [, createdAt, unfinished] = pattern.exec(name) ?? [];
      const path = join(directory, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (createdAt === undefined || unfinished !== undefined || !found?.isFile()) return [];
      return [{ name, path, createdAt: Number(createdAt), bytes: found.size }];
    })
    .sort((a, b) => a.createdAt - b.createdAt);
}

/**
 * Copies the database as this connection sees it, WAL included and freed pages not, to a file that is its owner's
 * alone; returns the file's path. Throws OcpError not_ready, and leaves nothing then.
 */
export function makeBackup(db: Database, path: string, now: number): string {
  const backup = `${path}.before-4.0-${now}.bak`;
  const part = `${backup}.part`;
  try {
    closeSync(openSync(part, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600));
    db.run("vacuum into ?", [part]);
    sync(part);
    renameSync(part, backup);
    sync(dirname(path));
    return backup;
  } catch (error) {
    for (const file of [part, `${part}-journal`]) rmSync(file, { force: true });
    const trouble = troubleOf(error);
    const why = trouble instanceof Error ? trouble.message : "";
    throw notReady(`The database of OCP 3 is left as it is, because it could not be copied first. ${why}`, error);
  }
}

/** What an interrupted copy has left. Only for who knows that nobody is copying. */
export function removeUnfinished(directory: string): void {
  for (const name of names(directory)) {
    const path = join(directory, name);
    const isUnfinished = pattern.exec(name)?.[2] !== undefined;
    if (isUnfinished && lstatSync(path, { throwIfNoEntry: false })?.isFile()) rmSync(path, { force: true });
  }
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function sync(path: string): void {
  const file = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
