/**
 * Takes over the database of OCP 3, in place: its keys stay valid and are only hashes afterwards, its usage is counted.
 * A copy of it is made first; interrupted at any moment, it can be begun again.
 */

import { Database } from "bun:sqlite";
import { basename, dirname } from "node:path";
import type { Log } from "../../core/ports.ts";
import { makeBackup, removeUnfinished } from "../backups.ts";
import { clean } from "../clean.ts";
import { look } from "../contents.ts";
import { setMark } from "../marks.ts";
import { applyAll } from "../migrate.ts";
import { isBusy, notReady } from "../trouble.ts";
import { importKeys } from "./keys.ts";
import { importUsage } from "./usage.ts";

export interface TakeOverOptions {
  path: string;
  now: () => number;
  log: Log;
  /** How long, in ms, to wait for another process that has the database open. */
  patience: number;
}

/** Throws OcpError not_ready, and what SQLite says; the database is then as it was. */
export function takeOver({ path, now, log, patience }: TakeOverOptions): void {
  const db = openAlone(path, patience);
  try {
    // Another process may have done it while this one waited.
    if (look(db) !== "version3") return;
    removeUnfinished(dirname(path));
    log.info("the database of an earlier version is copied and taken over, which may take a minute");
    const backup = makeBackup(db, path, now());
    const counts = db.transaction(() => convert(db, now)).immediate();
    log.info("the database of an earlier version was taken over", { ...counts, backup: basename(backup) });
    clean(db, log);
  } finally {
    db.close(true);
  }
}

/** No other process may have it open: a server of OCP 3 would go on with tables that are gone. */
function openAlone(path: string, patience: number): Database {
  const deadline = performance.now() + patience;
  for (;;) {
    const db = new Database(path, { create: false, readwrite: true, strict: true });
    try {
      holdAlone(db);
      return db;
    } catch (error) {
      // Two that hold on to a share of the lock while they wait for the whole would wait for ever.
      db.close(true);
      if (!isBusy(error)) throw error;
      if (performance.now() >= deadline) {
        throw notReady(
          "The database ocp.db is of OCP 3, and another program has it open. Stop the old server, then start this one.",
          error,
        );
      }
      Bun.sleepSync(20 + Math.random() * 50);
    }
  }
}

/** The lock is kept until the connection is closed. */
function holdAlone(db: Database): void {
  db.run("pragma busy_timeout = 0");
  db.run("pragma locking_mode = exclusive");
  db.run("pragma secure_delete = on");
  db.run("pragma foreign_keys = off");
  db.run("pragma journal_mode = wal");
  db.run("begin exclusive");
  db.run("commit");
}

/** One transaction. Returns what the log says of it. */
function convert(db: Database, now: () => number) {
  dropStrangers(db);
  applyAll(db, now);
  const keys = importKeys(db, now());
  const usageRows = importUsage(db);
  db.run("drop table if exists usage_log");
  db.run("drop table api_keys");
  setMark(db, "uncleaned", now());
  return { ...keys, usageRows };
}

/** All but the two tables that are read: indexes, cached answers, and what somebody may have added. */
function dropStrangers(db: Database): void {
  const strangers = db.query<{ type: string; name: string }, []>(
    `select type, name from sqlite_schema
     where name not like 'sqlite\\_%' escape '\\' and (type <> 'table' or name not in ('api_keys', 'usage_log'))
     order by case type when 'trigger' then 0 when 'view' then 1 when 'index' then 2 else 3 end`,
  );
  for (const { type, name } of strangers.all()) db.run(`drop ${type} if exists "${name.replaceAll('"', '""')}"`);
}
