/** The keys of OCP 3: secrets in plain text, names that need not be unique. */

import type { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { columnsOf } from "../contents.ts";
import { hashOf, previewOf } from "../secrets.ts";
import { columnsFrom, count, epochMs } from "./columns.ts";

interface OldKey {
  id: number;
  secret: string | null;
  name: string | null;
  created_at: number;
  revoked: 0 | 1;
  /** Of its last use; null when there was none. */
  used_at: number | null;
  daily: number | null;
  weekly: number | null;
  monthly: number | null;
}

/** Within the caller's transaction. Returns how many there were, and those that got another name, as `old -> new`. */
export function importKeys(db: Database, now: number): { keys: number; renamed?: string[] } {
  const old = readKeys(db, now);
  const names = uniqueNames(old);
  const insert = db.prepare(`
    insert into keys (id, hash, preview, name, created_at, revoked_at, requests_daily, requests_weekly,
      requests_monthly)
    values ($id, $hash, $preview, $name, $created_at, $revoked_at, $daily, $weekly, $monthly)`);
  for (const key of old) {
    insert.run({
      id: key.id,
      // What has no secret can never be presented, but its name and usage stay.
      hash: hashOf(key.secret || randomBytes(32).toString("hex")),
      preview: previewOf(key.secret ?? ""),
      name: names.get(key) ?? nameOf(key),
      created_at: key.created_at,
      // When exactly was not kept: some time after its last use.
      revoked_at: key.revoked === 1 ? (key.used_at ?? key.created_at) : null,
      daily: key.daily,
      weekly: key.weekly,
      monthly: key.monthly,
    });
  }
  keepIdsApart(db);
  const renamed = [...names].flatMap(([key, name]) => (name === nameOf(key) ? [] : [`${nameOf(key)} -> ${name}`]));
  return { keys: old.length, ...(renamed.length === 0 ? {} : { renamed }) };
}

function readKeys(db: Database, now: number): OldKey[] {
  const column = columnsFrom(db, "api_keys");
  const uses = namesKeys(db)
    ? `select key_id, max(${epochMs("created_at")}) as used_at from usage_log group by key_id`
    : "select null as key_id, null as used_at";
  return db
    .query<OldKey, [number]>(
      `select id, cast(key as text) as secret, cast(name as text) as name,
        coalesce(${epochMs(`api_keys.${column("created_at")}`)}, ?) as created_at,
        coalesce(${column("revoked")}, 0) <> 0 as revoked, used_at,
        ${count(column("quota_daily"))} as daily, ${count(column("quota_weekly"))} as weekly,
        ${count(column("quota_monthly"))} as monthly
       from api_keys left join (${uses}) on key_id = id order by id`,
    )
    .all(now);
}

function namesKeys(db: Database): boolean {
  return columnsOf(db, "usage_log").includes("key_id");
}

function nameOf({ id, name }: OldKey): string {
  return name || `key-${id}`;
}

/** Of valid keys with the same name the oldest keeps it; the others get `-2`, `-3` and so on, whichever is free. */
function uniqueNames(keys: readonly OldKey[]): Map<OldKey, string> {
  const valid = keys.filter(({ revoked }) => revoked === 0);
  const wanted = new Set(valid.map(nameOf));
  const given = new Set<string>();
  const names = new Map<OldKey, string>();
  for (const key of valid) {
    const first = nameOf(key);
    let name = first;
    for (let number = 2; given.has(name) || (name !== first && wanted.has(name)); number++) name = `${first}-${number}`;
    given.add(name);
    names.set(key, name);
  }
  return names;
}

/** A new key must not get an id that old usage is attributed to, though that key is gone. */
function keepIdsApart(db: Database): void {
  const used = namesKeys(db) ? "union all select max(cast(key_id as integer)) from usage_log" : "";
  const highest = db.query<{ id: number | null }, []>(
    `select max(id) as id from (
       select max(id) as id from keys
       union all select seq from sqlite_sequence where name = 'api_keys' ${used})`,
  );
  db.run("delete from sqlite_sequence where name = 'keys'");
  db.run("insert into sqlite_sequence (name, seq) values ('keys', ?)", [highest.get()?.id ?? 0]);
}
