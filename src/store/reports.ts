/** Reports on usage. Sums come from whole hours; a cut hour is read from single rows and counted turns. */

import type { Database } from "bun:sqlite";
import type { UsageFilter, UsageQuery, UsageStore, UsageSums } from "../core/store.ts";
import { markOf } from "./marks.ts";
import { spanOf } from "./span.ts";
import { byPrincipal, columns, everybody, merged } from "./sums.ts";
import { type RowColumns, type TokenColumns, toRow, toTokens } from "./usage-row.ts";

interface SumColumns extends TokenColumns {
  first_at: number;
  last_at: number;
  requests: number;
  ok: number;
  errors: number;
  cached: number;
  prompt_chars: number;
  answer_chars: number;
  total_ms: number;
  max_ms: number;
}

type Found<Key> = { key: Key; subject: string } & SumColumns;
type Values = Record<string, string | number | null>;

export function createReports(
  db: Database,
): Pick<UsageStore, "byPrincipal" | "byModel" | "timeline" | "series" | "recent" | "times"> {
  const principals = prepareReport<string>(db, { subject: "principal_id", group: "subject" });
  const ofOnePrincipal = prepareReport<string>(db, { subject: "model", group: "$principal" });
  const models = prepareReport<string>(db, { subject: "model", group: "subject" });
  const hours = prepareReport<number>(db, { subject: "model", group: "hour" });
  const modelHours = prepareReport<number>(db, { subject: "model", group: "hour", also: "subject" });
  const principalHours = prepareReport<number>(db, { subject: "principal_id", group: "hour", also: "subject" });
  const names = db.prepare<{ principal: string; name: string }, []>("select 'key-' || id as principal, name from keys");

  return {
    byPrincipal(query) {
      const found = query.principalId === null ? principals(query, byPrincipal) : ofOnePrincipal(query);
      const named = new Map(names.all().map(({ principal, name }) => [principal, name]));
      return found.sort(byRequests).map((row) => ({
        principalId: row.key,
        name: named.get(row.key) ?? row.key,
        first: row.first_at,
        last: row.last_at,
        ...sumsOf(row),
      }));
    },
    byModel: (query) =>
      models(query)
        .sort(byRequests)
        .map((row) => ({ model: row.key, ...sumsOf(row) })),
    series(query, by) {
      const { principalId: own } = query;
      // All of a principal's own hours are that principal's.
      if (by === "principal" && own !== null) {
        return hours(query).map((row) => ({ hour: row.key, subject: own, ...sumsOf(row) }));
      }
      const found = by === "model" ? modelHours(query) : principalHours(query, byPrincipal);
      return found.map((row) => ({ hour: row.key, subject: row.subject, ...sumsOf(row) }));
    },
    times: prepareTimes(db),
    timeline: (query) => hours(query).map((row) => ({ hour: row.key, ...sumsOf(row) })),
    recent: prepareRecent(db),
  };
}

/**
 * A statement that sums up by a principal, a model (the subject) or the hour. `series`, of usage_hours, is by default
 * that of the query's principal.
 */
function prepareReport<Key extends string | number>(
  db: Database,
  { subject, group, also }: { subject: string; group: string; also?: string },
) {
  const prepare = (filter: string) =>
    db.prepare<Found<Key>, [Values]>(`
      select ${group} as key, ${also === undefined ? "" : "subject, "}${merged} from (
        select hour, subject, ${columns} from usage_hours where series = $series and hour >= $first and hour < $end
        union all
        select hour, ${subject}, ${columns} from usage_pieces where at >= $headSince and at < $headUntil ${filter}
        union all
        select hour, ${subject}, ${columns} from usage_pieces where at >= $tailSince and at < $tailUntil ${filter}
      )
      group by key${also === undefined ? "" : `, ${also}`} order by key`);
  const all = prepare("");
  const one = prepare("and principal_id = $principal");

  return (query: UsageQuery, series = query.principalId ?? everybody): Found<Key>[] => {
    const { hours, head, tail } = spanOf(query, markOf(db, "pruned_before") ?? 0);
    const statement = query.principalId === null ? all : one;
    return statement.all({
      series,
      principal: query.principalId,
      first: hours.since,
      end: hours.until,
      headSince: head.since,
      headUntil: head.until,
      tailSince: tail.since,
      tailUntil: tail.until,
    });
  };
}

/** Rows of the same ms are in the order of their recording. A page begins below its cursor, wherever that lies. */
function prepareRecent(db: Database): UsageStore["recent"] {
  const prepare = (filter: string) =>
    db.prepare<{ id: number } & RowColumns, [Values]>(`
      select * from usage
      where at >= $since and at <= $cursorAt and (at < $cursorAt or id < $cursorId) ${filter}
      order by at desc, id desc limit $limit`);
  const statements = new Map<string, ReturnType<typeof prepare>>();
  // Each choice of filters has its own index.
  const choose = ({ principalId, model, failed }: UsageQuery & UsageFilter) => {
    const filter = [
      principalId === null ? "" : "and principal_id = $principalId",
      model === undefined ? "" : "and model = $model",
      failed === true ? "and outcome not in ('ok', 'client_left')" : "",
    ].join(" ");
    const statement = statements.get(filter) ?? prepare(filter);
    statements.set(filter, statement);
    return statement;
  };
  const recordedBy = db.prepare<{ id: number; at: number }, [number]>(
    "select id, at from usage where id <= ? order by id desc limit 1",
  );

  return (query, limit, before) => {
    const { since, until, principalId, model = null } = query;
    let cursor = { at: until, id: 0 };
    if (before !== undefined) {
      const found = recordedBy.get(before);
      if (found === null) return [];
      // A row that is gone hands over to the one that was recorded before it, which then belongs to the page.
      if (found.at < until) cursor = found.id === before ? found : { at: found.at, id: found.id + 1 };
    }
    const rows = choose(query).all({ since, principalId, model, limit, cursorAt: cursor.at, cursorId: cursor.id });
    return rows.map((row) => ({ id: row.id, ...toRow(row) }));
  };
}

function prepareTimes(db: Database): UsageStore["times"] {
  const prepare = (filter: string) =>
    db.prepare<{ firstMs: number | null; totalMs: number }, [Values]>(`
      select first_ms as firstMs, total_ms as totalMs from usage
      where at >= $since and at < $until and outcome = 'ok' and path is not null ${filter}
      order by at desc limit $limit`);
  const all = prepare("");
  const one = prepare("and principal_id = $principalId");
  return ({ since, until, principalId }, limit) =>
    (principalId === null ? all : one).all({ since, until, principalId, limit });
}

function byRequests(a: SumColumns, b: SumColumns): number {
  return b.requests - a.requests;
}

function sumsOf(row: SumColumns): UsageSums {
  return {
    requests: row.requests,
    ok: row.ok,
    errors: row.errors,
    cached: row.cached,
    tokens: toTokens(row),
    promptChars: row.prompt_chars,
    answerChars: row.answer_chars,
    totalMs: row.total_ms,
    maxMs: row.max_ms,
  };
}
