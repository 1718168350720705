/** Turns that were only counted: added up by hour, principal, model and outcome, and to the sums of usage. */

import type { Database } from "bun:sqlite";
import type { CountedTurns, UsageFilter, UsageQuery, UsageStore } from "../core/store.ts";
import { prepareCountedSums } from "./sums.ts";

type Columns = {
  hour: number;
  principal_id: string;
  name: string;
  model: string;
  outcome: string;
  cache: CountedTurns["cache"];
  first_at: number;
  last_at: number;
  requests: number;
  prompt_chars: number;
  answer_chars: number;
  total_ms: number;
  max_ms: number;
};

export function createCountedTurns(db: Database): Pick<UsageStore, "count" | "counted"> {
  const insert = db.prepare<null, [Columns]>(`
    insert into counted_turns (hour, principal_id, model, outcome, cache, name, first_at, last_at, requests,
      prompt_chars, answer_chars, total_ms, max_ms)
    values ($hour, $principal_id, $model, $outcome, $cache, $name, $first_at, $last_at, $requests, $prompt_chars,
      $answer_chars, $total_ms, $max_ms)
    on conflict (hour, principal_id, model, outcome, cache) do update set
      name = excluded.name,
      first_at = min(first_at, excluded.first_at),
      last_at = max(last_at, excluded.last_at),
      requests = requests + excluded.requests,
      prompt_chars = prompt_chars + excluded.prompt_chars,
      answer_chars = answer_chars + excluded.answer_chars,
      total_ms = total_ms + excluded.total_ms,
      max_ms = max(max_ms, excluded.max_ms)`);
  const addToSums = prepareCountedSums(db);
  const count = db.transaction((turns: readonly CountedTurns[]) => {
    for (const one of turns) {
      const row = toColumns(one);
      insert.run(row);
      addToSums({
        ...{ hour: row.hour, principal_id: row.principal_id, model: row.model },
        ...{ first_at: row.first_at, last_at: row.last_at, requests: row.requests },
        ok: one.outcome === "ok" ? one.requests : 0,
        errors: one.outcome === "ok" || one.outcome === "client_left" ? 0 : one.requests,
        cached: one.cache === "hit" || one.cache === "follower" ? one.requests : 0,
        ...{ prompt_chars: row.prompt_chars, answer_chars: row.answer_chars },
        ...{ total_ms: row.total_ms, max_ms: row.max_ms },
      });
    }
  });
  return { count: (turns) => count.immediate(turns), counted: prepareCounted(db) };
}

function prepareCounted(db: Database): UsageStore["counted"] {
  const select = db.prepare<Columns, [Record<string, string | number | null>]>(`
    select * from counted_turns
    where last_at >= $since and first_at < $until
      and ($principalId is null or principal_id = $principalId)
      and ($model is null or model = $model)
      and ($failed = 0 or outcome not in ('ok', 'client_left'))
    order by last_at desc, id desc limit $limit`);
  return ({ since, until, principalId, model, failed }: UsageQuery & UsageFilter, limit) => {
    const values = { since, until, principalId, model: model ?? null, failed: failed === true ? 1 : 0, limit };
    return select.all(values).map(fromColumns);
  };
}

function toColumns(turns: CountedTurns): Columns {
  return {
    hour: turns.hour,
    principal_id: turns.principalId,
    name: turns.name,
    model: turns.model,
    outcome: turns.outcome,
    cache: turns.cache,
    first_at: turns.first,
    last_at: turns.last,
    requests: turns.requests,
    prompt_chars: turns.promptChars,
    answer_chars: turns.answerChars,
    total_ms: Math.round(turns.totalMs),
    max_ms: Math.round(turns.maxMs),
  };
}

function fromColumns(columns: Columns): CountedTurns {
  return {
    hour: columns.hour,
    principalId: columns.principal_id,
    name: columns.name,
    model: columns.model,
    outcome: columns.outcome,
    cache: columns.cache,
    first: columns.first_at,
    last: columns.last_at,
    requests: columns.requests,
    promptChars: columns.prompt_chars,
    answerChars: columns.answer_chars,
    totalMs: columns.total_ms,
    maxMs: columns.max_ms,
  };
}
