/** The files of the store: that they are there, ours, and nobody else's to read. */

import { chmodSync, closeSync, constants, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isBackup } from "./backups.ts";
import { notReady, told } from "./trouble.ts";

/** `ocp.db`, its companions and its backups, as `prepareDatabase` does. */
export function prepareFiles(directory: string, owner: number | undefined): string {
  return told(() => {
    checkDirectory(directory, owner);
    for (const backup of readdirSync(directory).filter(isBackup)) checkFile(directory, backup, owner);
    return prepareDatabase(directory, "ocp.db", owner);
  });
}

/**
 * Checks and narrows the directory, the database and what lies beside it, and makes an empty database when there is
 * none; returns its path. Opens no file that is there: closing one would drop the locks that SQLite holds on it in
 * this process. `owner` is the user that must own all of it. Throws OcpError not_ready.
 */
export function prepareDatabase(directory: string, name: string, owner: number | undefined): string {
  return told(() => {
    checkDirectory(directory, owner);
    for (const companion of companionsOf(name)) checkFile(directory, companion, owner);
    const path = join(directory, name);
    if (!checkFile(directory, name, owner)) create(path);
    return path;
  });
}

/** The names of what SQLite keeps beside a database, given its name or its path. */
export function companionsOf(database: string): string[] {
  return ["-wal", "-shm", "-journal"].map((suffix) => database + suffix);
}

/** A symbolic link to a directory is fine: it is how people move it to another disk. */
function checkDirectory(directory: string, owner: number | undefined): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory()) throw notReady("The directory of the database ocp.db is missing, or is no directory.");
  if (found.uid !== owner) throw notReady(belongsToAnother("The directory of the database ocp.db"));
  narrow(directory, found.mode, 0o700);
}

/** Whether it is there. */
function checkFile(directory: string, name: string, owner: number | undefined): boolean {
  const path = join(directory, name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (found.isSymbolicLink()) throw notReady(`${name} is a symbolic link. Move the file itself to its place.`);
  if (!found.isFile()) throw notReady(`${name} is no file. Move it away.`);
  if (found.uid !== owner) throw notReady(belongsToAnother(name));
  narrow(path, found.mode, 0o600);
  return true;
}

function belongsToAnother(what: string): string {
  return `${what} belongs to another user. Run ocp as that user, or give it to yours.`;
}

/** Takes rights away, and gives none. */
function narrow(path: string, mode: number, most: number): void {
  if ((mode & 0o7777 & ~most) !== 0) chmodSync(path, mode & most);
}

/** SQLite gives what it makes beside a database the rights of the database. */
function create(path: string): void {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
  try {
    closeSync(openSync(path, flags, 0o600));
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
