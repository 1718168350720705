/** How rows of usage become sums. Recording one row and migrating a million are the same statements. */

import type { Database } from "bun:sqlite";

/** Columns of usage_parts and of usage_hours alike, with how two values of one become one. */
const merges = {
  first_at: "min",
  last_at: "max",
  requests: "sum",
  ok: "sum",
  errors: "sum",
  cached: "sum",
  input: "sum",
  cache_read: "sum",
  cache_write: "sum",
  output: "sum",
  thinking: "sum",
  prompt_chars: "sum",
  answer_chars: "sum",
  total_ms: "sum",
  max_ms: "max",
} as const;

const entries = Object.entries(merges);

/** The columns, to select them of rows or of hours. */
export const columns = entries.map(([name]) => name).join(", ");

/** The columns, each merged over a group. */
export const merged = entries.map(([name, how]) => `${how}(${name}) as ${name}`).join(", ");

/** Series of usage_hours that are no principal's. */
export const everybody = "";
export const byPrincipal = "*";

const updates = entries
  .map(([name, how]) =>
    how === "sum" ? `${name} = ${name} + excluded.${name}` : `${name} = ${how}(${name}, excluded.${name})`,
  )
  .join(", ");

/** The rows of usage with these ids, first and last included, go into the sums and the charges. */
export function prepareSums(db: Database): (first: number | bigint, last: number | bigint) => void {
  const range = "from usage_parts where id between $first and $last";
  const hours = db.prepare(`
    insert into usage_hours (series, hour, subject, ${columns})
    select series, hour, subject, ${merged} from (
      select principal_id as series, hour, model as subject, ${columns} ${range}
      union all select '${everybody}', hour, model, ${columns} ${range}
      union all select '${byPrincipal}', hour, principal_id, ${columns} ${range}
    )
    where true
    group by series, hour, subject
    on conflict do update set ${updates}`);
  const charges = db.prepare(`
    insert into charges (key_id, day, requests, tokens)
    select key_id, at - at % 86400000 as day, sum(charged_requests), sum(charged_tokens) from usage
    where id between $first and $last and (charged_requests > 0 or charged_tokens > 0)
      and key_id in (select id from keys)
    group by key_id, day
    on conflict do update set requests = requests + excluded.requests, tokens = tokens + excluded.tokens`);
  return (first, last) => {
    hours.run({ first, last });
    charges.run({ first, last });
  };
}

/** The part of turns without a row of their own in the sums; they have no tokens, and nobody is charged. */
export type CountedSums = { hour: number; principal_id: string; model: string } & Record<
  Exclude<keyof typeof merges, "input" | "cache_read" | "cache_write" | "output" | "thinking">,
  number
>;

export function prepareCountedSums(db: Database): (sums: CountedSums) => void {
  const none = { input: 0, cache_read: 0, cache_write: 0, output: 0, thinking: 0 };
  const statement = db.prepare<null, [CountedSums & typeof none]>(`
    insert into usage_hours (series, hour, subject, ${columns})
    select series, $hour, subject, ${entries.map(([name]) => `$${name}`).join(", ")} from (
      select $principal_id as series, $model as subject
      union all select '${everybody}', $model
      union all select '${byPrincipal}', $principal_id
    )
    where true
    on conflict do update set ${updates}`);
  return (sums) => void statement.run({ ...sums, ...none });
}
