/** The keys of people and devices. */

import type { Database } from "bun:sqlite";
import { OcpError } from "../core/errors.ts";
import { type Period, periods } from "../core/periods.ts";
import type { KeyRecord, KeyStore, Limits } from "../core/store.ts";
import { hashOf, newSecret, previewOf } from "./secrets.ts";
import { isTaken } from "./trouble.ts";

type LimitColumn = `${"requests" | "tokens"}_${Period}`;

type Row = {
  id: number;
  name: string;
  preview: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
} & Record<LimitColumn, number | null>;

const columns = [
  "id, name, preview, created_at, expires_at, revoked_at",
  ...periods.flatMap((period) => [`requests_${period}`, `tokens_${period}`]),
].join(", ");

export function createKeys(db: Database, now: () => number): KeyStore {
  const select = (rest: string) =>
    db.prepare<Row, [string | number | Uint8Array]>(`select ${columns} from keys ${rest}`);
  const bySecret = select("where hash = ?");
  const byId = select("where id = ?");
  const byName = select("where name = ? and revoked_at is null");
  const all = db.prepare<Row, []>(`select ${columns} from keys order by id`);
  const insert = db.prepare<Row, [Uint8Array, string, string, number, number | null]>(
    `insert into keys (hash, preview, name, created_at, expires_at) values (?, ?, ?, ?, ?) returning ${columns}`,
  );

  /** Sets columns of one key; the names are of this file alone. */
  function update(id: number, values: Record<string, string | number | Uint8Array | null>): KeyRecord {
    const names = Object.keys(values);
    if (names.length === 0) return required(byId.get(id));
    const sets = names.map((name) => `${name} = $${name}`).join(", ");
    const changed = db.query<Row, [Record<string, string | number | Uint8Array | null>]>(
      `update keys set ${sets} where id = $id returning ${columns}`,
    );
    return required(changed.get({ ...values, id }));
  }

  return {
    create(name, expiresAt) {
      const secret = newSecret();
      const row = unique(name, () => insert.get(hashOf(secret), previewOf(secret), name, now(), expiresAt));
      return { key: required(row), secret };
    },
    bySecret: (secret) => recordOf(bySecret.get(hashOf(secret))),
    find(idOrName) {
      const named = byName.get(idOrName);
      return recordOf(named === null && /^\d{1,15}$/.test(idOrName) ? byId.get(Number(idOrName)) : named);
    },
    list: () => all.all().map(toRecord),
    rename: (id, name) => unique(name, () => update(id, { name })),
    rotate(id) {
      if (required(byId.get(id)).revokedAt !== null) {
        throw new OcpError("conflict", "This key is revoked. Create a new one.");
      }
      const secret = newSecret();
      return { key: update(id, { hash: hashOf(secret), preview: previewOf(secret) }), secret };
    },
    revoke(id) {
      const key = required(byId.get(id));
      return key.revokedAt === null ? update(id, { revoked_at: now() }) : key;
    },
    setExpiry: (id, expiresAt) => update(id, { expires_at: expiresAt }),
    setLimits(id, kind, limits) {
      const named = periods.filter((period) => limits[period] !== undefined);
      return update(id, Object.fromEntries(named.map((period) => [`${kind}_${period}`, limits[period] ?? null])));
    },
  };
}

function unique<Result>(name: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new OcpError("conflict", `There is a key named ${JSON.stringify(name)} already.`, { param: "name" });
  }
}

function required(row: Row | null): KeyRecord {
  if (row === null) throw new OcpError("not_found", "There is no such key.");
  return toRecord(row);
}

function recordOf(row: Row | null): KeyRecord | null {
  return row === null ? null : toRecord(row);
}

function toRecord(row: Row): KeyRecord {
  return {
    id: row.id,
    name: row.name,
    preview: row.preview,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    requests: limitsOf(row, "requests"),
    tokens: limitsOf(row, "tokens"),
  };
}

function limitsOf(row: Row, kind: "requests" | "tokens"): Limits {
  return { daily: row[`${kind}_daily`], weekly: row[`${kind}_weekly`], monthly: row[`${kind}_monthly`] };
}
