/** Databases as OCP 3 left them: keys in plain text, times as text, columns that came with later versions. */

import { Database } from "bun:sqlite";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface Version3Key {
  id?: number;
  secret: string | null;
  name: string | null;
  /** `YYYY-MM-DD HH:MM:SS`, in UTC. */
  created?: string | null;
  revoked?: 0 | 1;
  quotas?: [daily: number | null, weekly: number | null, monthly: number | null];
}

export interface Version3Usage {
  keyId?: number | null;
  name?: string | null;
  model?: string | null;
  created?: string | null;
  promptChars?: number | null;
  answerChars?: number | null;
  ms?: number | null;
  success?: 0 | 1 | null;
}

export interface Version3 {
  keys?: Version3Key[];
  usage?: Version3Usage[];
  /** Answers in the cache. */
  answers?: string[];
  /** What has been deleted: it lies in free pages, more than will be used again. */
  deleted?: string[];
  /** Without the columns, or the tables, of later versions. */
  without?: Array<"quotas" | "revoked" | "cache" | "usage" | "key ids" | "figures">;
  /** SQL that somebody ran. */
  also?: string[];
  /** Everything is in the WAL of a process that was killed; otherwise half of it is. */
  allInWal?: boolean;
}

/** 36 characters, as version 3 made them. */
export function version3Secret(seed: string): string {
  return `ocp_${seed}${"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef".slice(seed.length)}`;
}

/** Writes `ocp.db` and its WAL, both readable for all, into the directory. */
export function writeVersion3(directory: string, content: Version3): void {
  const scratch = join(directory, "scratch");
  mkdirSync(scratch);
  const db = new Database(join(scratch, "ocp.db"));
  try {
    db.run("pragma journal_mode = wal");
    db.run("pragma wal_autocheckpoint = 0");
    db.run("pragma foreign_keys = on");
    createTables(db, content);
    if (!content.allInWal) db.run("pragma wal_checkpoint(truncate)");
    fill(db, content);
    for (const statement of content.also ?? []) db.run(statement);
    for (const name of ["ocp.db", "ocp.db-wal"]) copyFileSync(join(scratch, name), join(directory, name));
  } finally {
    db.close(true);
    rmSync(scratch, { recursive: true });
  }
}

function createTables(db: Database, { without = [], deleted = [] }: Version3): void {
  const has = (part: (typeof without)[number]) => !without.includes(part);
  const keyColumns = [
    "id integer primary key autoincrement",
    "key text unique not null",
    "name text not null",
    "created_at text default (datetime('now'))",
    ...(has("revoked") ? ["revoked integer default 0"] : []),
    ...(has("quotas") ? ["quota_daily integer", "quota_weekly integer", "quota_monthly integer"] : []),
  ];
  // What is in free pages must have been there before.
  db.run(`create table api_keys (${keyColumns.join(", ").replaceAll(" not null", "")})`);
  if (has("usage")) {
    const usageColumns = [
      "id integer primary key autoincrement",
      ...(has("key ids") ? ["key_id integer references api_keys (id)"] : []),
      "key_name text default 'anonymous'",
      "model text",
      ...(has("figures") ? ["prompt_chars integer", "response_chars integer", "elapsed_ms integer"] : []),
      "success integer default 1",
      "created_at text default (datetime('now'))",
    ];
    db.run(`create table usage_log (${usageColumns.join(", ")})`);
    db.run("create index idx_usage_time on usage_log (created_at)");
    if (has("key ids")) db.run("create index idx_usage_key on usage_log (key_id)");
  }
  if (has("cache")) {
    db.run(
      `create table response_cache (id integer primary key, hash text unique, model text, response text, created_at text,
        last_hit_at text, hits integer default 0)`,
    );
    db.run("create index idx_cache_time on response_cache (created_at)");
  }
  db.run("create table gone (text)");
  for (const text of deleted) db.run("insert into gone values (?)", [`${text} `.repeat(20_000)]);
  db.run("drop table gone");
}

function fill(db: Database, { keys = [], usage = [], answers = [], without = [] }: Version3): void {
  for (const { id, secret, name, created = "2026-01-02 03:04:05", revoked, quotas } of keys) {
    insert(db, "api_keys", { id, key: secret, name, created_at: created });
    const last = db.query<{ id: number }, []>("select max(id) as id from api_keys").get()!.id;
    if (revoked !== undefined) db.run("update api_keys set revoked = ? where id = ?", [revoked, id ?? last]);
    if (quotas !== undefined && !without.includes("quotas")) {
      db.run("update api_keys set quota_daily = ?, quota_weekly = ?, quota_monthly = ? where id = ?", [
        ...quotas,
        id ?? last,
      ]);
    }
  }
  for (const row of usage) {
    insert(db, "usage_log", {
      key_id: without.includes("key ids") ? undefined : row.keyId,
      key_name: row.name,
      model: row.model === undefined ? "claude-sonnet-4-6" : row.model,
      prompt_chars: without.includes("figures") ? undefined : (row.promptChars ?? 100),
      response_chars: without.includes("figures") ? undefined : (row.answerChars ?? 10),
      elapsed_ms: without.includes("figures") ? undefined : (row.ms ?? 1500),
      success: row.success,
      created_at: row.created === undefined ? "2026-04-15 09:00:00" : row.created,
    });
  }
  for (const [at, answer] of answers.entries()) insert(db, "response_cache", { hash: String(at), response: answer });
}

/** Leaves out what is undefined. */
function insert(db: Database, table: string, values: Record<string, string | number | null | undefined>): void {
  const given = Object.entries(values).filter(
    (entry): entry is [string, string | number | null] => entry[1] !== undefined,
  );
  const names = given.map(([name]) => name);
  db.query(`insert into ${table} (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`).run(
    ...given.map(([, value]) => value),
  );
}
