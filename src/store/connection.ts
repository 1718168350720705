/** A connection to the database, set up the one way that everything here counts on. */

import { Database } from "bun:sqlite";
import { isBusy } from "./trouble.ts";

/** How long to wait for the lock of another process, in ms: it may be migrating. */
export const openingPatience = 5_000;

/** The same while serving, when every stream waits too. */
const servingPatience = 1_000;

/**
 * `path` may be `:memory:`; `patience` is in ms; `layout` are pragmas that shape a database which is still empty.
 * Throws what SQLite says.
 */
export function connect(path: string, patience: number, layout: readonly string[] = []): Database {
  const db = new Database(path, { create: false, readwrite: true, strict: true });
  try {
    db.run(`pragma busy_timeout = ${patience}`);
    for (const pragma of layout) db.run(pragma);
    useWal(db, patience);
    db.run("pragma synchronous = normal");
    db.run("pragma foreign_keys = on");
    // What is deleted is overwritten.
    db.run("pragma secure_delete = on");
    db.run("pragma temp_store = memory");
    db.run("pragma journal_size_limit = 16777216");
    return db;
  } catch (error) {
    db.close(true);
    throw error;
  }
}

/**
 * Of several processes that open a new database at once, SQLite refuses all but one here without waiting: each holds
 * it for reading and wants it for writing, and none would ever give way.
 */
function useWal(db: Database, patience: number): void {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      db.run("pragma journal_mode = wal");
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Bun.sleepSync(5);
    }
  }
}

/** From here on a lock of another process delays answers. */
export function serveFrom(db: Database): void {
  db.run(`pragma busy_timeout = ${servingPatience}`);
}

/** Moves the WAL into the database and empties it. False when another process is reading: then nothing waits for it. */
export function emptyWal(db: Database): boolean {
  const { timeout } = db.query<{ timeout: number }, []>("pragma busy_timeout").get() ?? { timeout: 0 };
  db.run("pragma busy_timeout = 0");
  try {
    return db.query<{ busy: number }, []>("pragma wal_checkpoint(truncate)").get()?.busy === 0;
  } finally {
    db.run(`pragma busy_timeout = ${timeout}`);
  }
}
