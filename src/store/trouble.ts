/** What SQLite and the file system say, as sentences for the user. Paths are left out: other users may read them. */

import { SQLiteError } from "bun:sqlite";
import { OcpError } from "../core/errors.ts";

export const damaged =
  "The database ocp.db is damaged, or no database. Put a copy of it back, or move it away to begin anew.";

const sentences: ReadonlyArray<readonly [RegExp, string]> = [
  [/^SQLITE_(BUSY|LOCKED)/, "Another program holds the database ocp.db. Stop that one, or try again when it is done."],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)/, "The disk is full: nothing can be written to the database ocp.db."],
  [/^SQLITE_(CORRUPT|NOTADB)/, damaged],
  [
    /^(SQLITE_(READONLY|CANTOPEN|PERM|AUTH)|EACCES|EPERM|EROFS)/,
    "The database ocp.db cannot be opened and written. It and its directory must be writable for you.",
  ],
  [/^(SQLITE_IOERR|EIO|EFBIG)/, "The disk fails to read or to write the database ocp.db."],
];

/** The OcpError not_ready that tells the user of the trouble; anything else is given back as it is. */
export function troubleOf(error: unknown, database = "ocp.db"): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (typeof code !== "string") return error;
  const sentence = sentences.find(([pattern]) => pattern.test(code))?.[1];
  return sentence === undefined ? error : notReady(sentence.replaceAll("ocp.db", database), error);
}

export function notReady(sentence: string, cause?: unknown): OcpError {
  return new OcpError("not_ready", sentence, cause === undefined ? {} : { cause });
}

/** Runs `work`; trouble is thrown as an OcpError. */
export function told<Result>(work: () => Result, database?: string): Result {
  try {
    return work();
  } catch (error) {
    throw troubleOf(error, database);
  }
}

/** The same object with each of its functions `told`. */
export function toldAll<Part extends object>(part: Part): Part {
  const wrapped = Object.entries(part).map(([name, value]) => [
    name,
    typeof value === "function" ? (...args: unknown[]) => told(() => value(...args)) : value,
  ]);
  return Object.fromEntries(wrapped) as Part;
}

/** Whether the error says that another process holds a lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY") === true;
}

/** Whether the error says that a unique value was there already. */
export function isTaken(error: unknown): boolean {
  return error instanceof SQLiteError && error.code === "SQLITE_CONSTRAINT_UNIQUE";
}
