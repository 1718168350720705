/** Brings a database to today's tables: each step once, in a transaction, on record with its hash and time. */

import type { Database } from "bun:sqlite";
import { type Migration, migrations as released } from "./migrations/list.ts";
import { notReady } from "./trouble.ts";

/** In the header of the file: "OCP4". */
export const applicationId = 0x4f435034;

export interface Applied {
  name: string;
  hash: string;
}

/**
 * Applies what is missing. However it is interrupted, each step is either done and on record or not begun.
 * Throws OcpError not_ready when the record is of a newer version, or of another text of the same step.
 */
export function migrate(db: Database, now: () => number, migrations = released): void {
  const step = db.transaction(() => applyNext(db, now, migrations));
  while (step.immediate());
}

/** Applies all steps within a transaction that the caller has begun. */
export function applyAll(db: Database, now: () => number, migrations = released): void {
  while (applyNext(db, now, migrations));
}

/** False when none was missing. The record is read anew each time: another process may be doing the same. */
function applyNext(db: Database, now: () => number, migrations: readonly Migration[]): boolean {
  const applied = appliedIn(db);
  const next = missing(applied, migrations)[0];
  if (next === undefined) return false;
  if (applied.length === 0) {
    db.run("create table migrations (name text primary key, hash text not null, applied_at integer not null) strict");
  }
  db.run(next.sql);
  db.run("insert into migrations values (?, ?, ?)", [next.name, hashOf(next), now()]);
  db.run(`pragma application_id = ${applicationId}`);
  db.run(`pragma user_version = ${applied.length + 1}`);
  return true;
}

/** What is on record, oldest first; nothing when there is no record. */
export function appliedIn(db: Database): Applied[] {
  const recorded = db.query("select 1 from sqlite_schema where type = 'table' and name = 'migrations'").get() !== null;
  return recorded ? db.query<Applied, []>("select name, hash from migrations order by rowid").all() : [];
}

/** The steps that are not on record. Throws as `migrate` does. */
export function missing(applied: readonly Applied[], migrations: readonly Migration[] = released): Migration[] {
  for (const [at, { name, hash }] of applied.entries()) {
    const known = migrations[at];
    if (known?.name !== name) {
      throw notReady(
        "The database ocp.db was written by a newer version of OCP, and is left as it is. Use that version.",
      );
    }
    if (hashOf(known) !== hash) {
      throw notReady(
        `The database ocp.db is of another build of OCP (its ${name} differs), and is left as it is. Use that build.`,
      );
    }
  }
  return migrations.slice(applied.length);
}

function hashOf({ sql }: Migration): string {
  return new Bun.CryptoHasher("sha256").update(sql).digest("hex");
}
