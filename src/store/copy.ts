/** Copies of the database while a server may be at it, and the way back. */

import { Database } from "bun:sqlite";
import { chmodSync, closeSync, openSync, renameSync, rmSync } from "node:fs";
import { notReady, troubleOf } from "./trouble.ts";

/** Its schema number, without writing to it. Throws OcpError not_ready. */
export function schemaOf(path: string): number {
  return reading(path, (db) => (db.query("pragma user_version").get() as { user_version: number }).user_version);
}

/** A copy as SQLite sees it, WAL included; its owner's alone. `copy` must not exist. Throws OcpError not_ready. */
export function copyDatabase(path: string, copy: string): void {
  closeSync(openSync(copy, "wx", 0o600));
  reading(path, (db) => db.run("vacuum into ?", [copy]));
}

/** Puts a copy in the place of a database that nobody has open: whole or not at all. */
export function restoreDatabase(copy: string, path: string): void {
  const part = `${path}.restoring`;
  rmSync(part, { force: true });
  copyDatabase(copy, part);
  chmodSync(part, 0o600);
  // They belong to the database that goes.
  for (const rest of ["-wal", "-shm"]) rmSync(`${path}${rest}`, { force: true });
  renameSync(part, path);
}

function reading<T>(path: string, read: (db: Database) => T): T {
  try {
    // Not read-only: a WAL that nobody has open can only be read by who may write its index.
    using db = new Database(path, { readwrite: true, create: false });
    db.run("pragma busy_timeout = 5000");
    return read(db);
  } catch (error) {
    const trouble = troubleOf(error);
    throw notReady(`The database cannot be copied. ${trouble instanceof Error ? trouble.message : ""}`.trim(), error);
  }
}
