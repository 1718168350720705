/** Answers that may be given again. They repeat what was asked and answered, so what goes leaves no trace. */

import type { Database } from "bun:sqlite";
import type { CacheEntry, CacheStore } from "../core/store.ts";
import { emptyWal } from "./connection.ts";

interface Row {
  hash: string;
  principal_id: string;
  model: string;
  answer: string;
  created_at: number;
}

export function createCache(db: Database): CacheStore {
  const take = db.prepare<Row, [number, string, number]>(
    `update cache set hits = hits + 1, used_at = max(used_at, ?) where hash = ? and created_at >= ?
     returning hash, principal_id, model, answer, created_at`,
  );
  const remove = db.prepare<null, [string]>("delete from cache where hash = ?");
  const insert = db.prepare(
    `insert into cache (hash, principal_id, model, answer, bytes, created_at, used_at, hits)
     values ($hash, $principalId, $model, $answer, $bytes, $createdAt, $createdAt, 0)`,
  );
  const total = db.prepare<{ bytes: number }, []>("select coalesce(sum(bytes), 0) as bytes from cache");
  const leastUsed = db.prepare<{ id: number; bytes: number }, [string]>(
    "select id, bytes from cache where hash <> ? order by used_at, id limit 1",
  );
  const removeId = db.prepare<null, [number]>("delete from cache where id = ?");
  const stats = db.prepare<{ entries: number; hits: number; bytes: number }, []>(
    "select count(*) as entries, coalesce(sum(hits), 0) as hits, coalesce(sum(bytes), 0) as bytes from cache",
  );
  const removeAll = db.prepare<null, []>("delete from cache");
  const removeOld = db.prepare<null, [number]>("delete from cache where created_at < ?");

  const replace = db.transaction((entry: CacheEntry, bytes: number, maxBytes: number) => {
    remove.run(entry.hash);
    if (bytes > maxBytes) return;
    insert.run({ ...entry, bytes });
    let over = (total.get()?.bytes ?? 0) - maxBytes;
    while (over > 0) {
      const least = leastUsed.get(entry.hash);
      if (least === null) break;
      removeId.run(least.id);
      over -= least.bytes;
    }
  });

  return {
    get(hash, notBefore, now) {
      const row = take.get(now, hash, notBefore);
      if (row === null) return null;
      const { principal_id: principalId, model, answer, created_at: createdAt } = row;
      return { hash, principalId, model, answer, createdAt };
    },
    put: (entry, maxBytes) => replace.immediate(entry, Buffer.byteLength(entry.answer), maxBytes),
    stats: () => stats.get() ?? { entries: 0, hits: 0, bytes: 0 },
    clear() {
      const { changes } = removeAll.run();
      emptyWal(db);
      return changes;
    },
    prune: (at) => removeOld.run(at).changes,
  };
}
