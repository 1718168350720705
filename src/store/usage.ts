/** Usage: one row a turn or a count of turns, its sums, and the charges to quotas, all in one transaction. */

import type { Database } from "bun:sqlite";
import { dayOf, type Period, periodOf, periods } from "../core/periods.ts";
import type { UsageRow, UsageStore } from "../core/store.ts";
import { createCountedTurns } from "./counted-turns.ts";
import { markOf, setMark } from "./marks.ts";
import { createReports } from "./reports.ts";
import { hour } from "./span.ts";
import { prepareSums } from "./sums.ts";
import { type RowColumns, toColumns } from "./usage-row.ts";

/** How much one call of `prune` takes at most: rows, and ms of hours. Everything else waits meanwhile. */
const pruneRows = 5_000;
const pruneHours = 48 * hour;

export function createUsage(db: Database, now: () => number): UsageStore {
  const insert = db.prepare<null, [RowColumns]>(`
    insert into usage (at, request_id, principal_id, key_id, name, dialect, model, input, cache_read, cache_write,
      output, thinking, prompt_chars, answer_chars, queued_ms, first_ms, total_ms, outcome, path, reason, cache,
      charged_requests, charged_tokens)
    values ($at, $request_id, $principal_id, $key_id, $name, $dialect, $model, $input, $cache_read, $cache_write,
      $output, $thinking, $prompt_chars, $answer_chars, $queued_ms, $first_ms, $total_ms, $outcome, $path, $reason, $cache,
      $charged_requests, $charged_tokens)`);
  const addToSums = prepareSums(db);
  const record = db.transaction((row: UsageRow) => {
    const { lastInsertRowid: id } = insert.run(toColumns(row));
    addToSums(id, id);
  });

  return {
    record: (row) => record.immediate(row),
    used: prepareUsed(db),
    ...createReports(db),
    ...createCountedTurns(db),
    prune: preparePrune(db, now),
  };
}

function prepareUsed(db: Database): UsageStore["used"] {
  const inPeriod = (period: Period) => `filter (where day >= $${period}_start and day < $${period}_end)`;
  const sums = periods.flatMap((period) => [
    `coalesce(sum(requests) ${inPeriod(period)}, 0) as ${period}_requests`,
    `coalesce(sum(tokens) ${inPeriod(period)}, 0) as ${period}_tokens`,
  ]);
  const select = db.prepare<Record<string, number>, [Record<string, number>]>(
    `select ${sums.join(", ")} from charges where key_id = $key and day >= $start and day < $end`,
  );
  return (key, at) => {
    const spans = periods.map((period) => ({ period, ...periodOf(period, at) }));
    const found = select.get({
      key,
      start: Math.min(...spans.map(({ start }) => start)),
      end: Math.max(...spans.map(({ end }) => end)),
      ...Object.fromEntries(
        spans.flatMap(({ period, start, end }) => [
          [`${period}_start`, start],
          [`${period}_end`, end],
        ]),
      ),
    });
    const of = (period: Period) => ({
      requests: found?.[`${period}_requests`] ?? 0,
      tokens: found?.[`${period}_tokens`] ?? 0,
    });
    return { daily: of("daily"), weekly: of("weekly"), monthly: of("monthly") };
  };
}

function preparePrune(db: Database, now: () => number): UsageStore["prune"] {
  const rows = db.prepare<null, [number, number]>(
    "delete from usage where id in (select id from usage where at < ? order by at limit ?)",
  );
  const counted = db.prepare<null, [number, number]>(
    "delete from counted_turns where id in (select id from counted_turns where hour < ? order by hour limit ?)",
  );
  const oldest = db.prepare<{ hour: number | null }, []>("select min(hour) as hour from usage_hours where series = ''");
  // The series are looked up by leaps, so that each is one short range to delete.
  const hours = db.prepare<null, [number]>(
    `with recursive all_series (series) as (
       select min(series) from usage_hours
       union all
       select (select min(series) from usage_hours where series > all_series.series) from all_series
       where all_series.series is not null
     )
     delete from usage_hours where series in (select series from all_series where series is not null) and hour < ?`,
  );
  const charges = db.prepare<null, [number]>("delete from charges where day < ?");

  return db.transaction((at: number, sumsAt: number) => {
    const before = at - (at % hour);
    setMark(db, "pruned_before", Math.max(before, markOf(db, "pruned_before") ?? 0));
    // Sums outlive their rows: a report takes whole hours from them alone.
    const sumsBefore = Math.min(sumsAt, before);
    hours.run(Math.min(sumsBefore, (oldest.get()?.hour ?? 0) + pruneHours));
    const inUse = Math.min(...periods.map((period) => periodOf(period, now()).start));
    charges.run(Math.min(dayOf(sumsBefore), inUse));
    return rows.run(before, pruneRows).changes + counted.run(before, pruneRows).changes;
  }).immediate;
}
