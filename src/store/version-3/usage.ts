/** The usage of OCP 3: one row a request, counted in characters. */

import type { Database } from "bun:sqlite";
import { columnsOf } from "../contents.ts";
import { prepareSums } from "../sums.ts";
import { columnsFrom, count, epochMs } from "./columns.ts";

/**
 * Within the caller's transaction. Rows keep their ids; their tokens are unknown, which is 0. What has no key is
 * attributed to the name it had, unless that reads like a key's id or a series of sums. Returns how many there were.
 */
export function importUsage(db: Database): number {
  if (columnsOf(db, "usage_log").length === 0) return 0;
  const column = columnsFrom(db, "usage_log");
  db.run(`
    insert into usage (id, at, request_id, principal_id, key_id, name, dialect, model, input, cache_read, cache_write,
      output, thinking, prompt_chars, answer_chars, queued_ms, first_ms, total_ms, outcome, path, cache,
      charged_requests, charged_tokens)
    select id, at, '',
      case
        when key_id is not null then 'key-' || key_id
        when name = '*' or name glob 'key-[0-9]*' then 'anonymous'
        else name
      end,
      key_id, name, 'chat', model, 0, 0, 0, 0, 0, prompt_chars, answer_chars, 0, null, total_ms,
      iif(succeeded, 'ok', 'upstream_failed'), null, 'off', succeeded and key_id is not null, 0
    from (
      select
        id,
        coalesce(${epochMs("created_at")}, 0) as at,
        cast(${column("key_id")} as integer) as key_id,
        coalesce(nullif(cast(${column("key_name")} as text), ''), 'anonymous') as name,
        coalesce(cast(model as text), 'unknown') as model,
        coalesce(${count(column("prompt_chars"))}, 0) as prompt_chars,
        coalesce(${count(column("response_chars"))}, 0) as answer_chars,
        coalesce(${count(column("elapsed_ms"))}, 0) as total_ms,
        coalesce(${column("success", "1")}, 0) = 1 as succeeded
      from usage_log
    )`);
  const ids = db.query<{ first: number | null; last: number; rows: number }, []>(
    "select min(id) as first, max(id) as last, count(*) as rows from usage",
  );
  const { first, last, rows } = ids.get() ?? { first: null, last: 0, rows: 0 };
  if (first !== null) prepareSums(db)(first, last);
  return rows;
}
