/** How usage looks to clients: the keys of older versions, and beside them what is new. */

import type { UsageRow, UsageStore, UsageSums } from "../core/store.ts";
import type { Usage } from "../core/turn.ts";
import { isoTime } from "./iso-time.ts";

type Found<K extends "byPrincipal" | "byModel" | "timeline" | "series" | "recent" | "counted" | "times"> = ReturnType<
  UsageStore[K]
>[number];

export function viewKeyUsage(sums: Found<"byPrincipal">) {
  return {
    key_name: sums.name,
    principal: sums.principalId,
    ...viewSums(sums),
    first_request: isoTime(sums.first),
    last_request: isoTime(sums.last),
  };
}

export function viewModelUsage({ model, ...sums }: Found<"byModel">) {
  return { model, ...viewSums(sums) };
}

export function viewHour(sums: Found<"timeline">) {
  return {
    hour: isoTime(sums.hour),
    requests: sums.requests,
    prompt_chars: sums.promptChars,
    response_chars: sums.answerChars,
    avg_elapsed_ms: average(sums),
    successes: sums.ok,
    errors: sums.errors,
    cached: sums.cached,
    tokens: viewTokens(sums.tokens),
  };
}

/** `subject`: a model, or the id of a principal. */
export function viewSeries(series: ReturnType<UsageStore["series"]>) {
  return series.map(({ subject, ...sums }) => ({ subject, ...viewHour(sums) }));
}

/** Ms: half of the turns, and 95 of 100, took at most so long; null where there were none. */
export function viewTimes(times: ReturnType<UsageStore["times"]>) {
  const percentiles = (values: number[]) => {
    const sorted = values.sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  };
  return {
    turns: times.length,
    first: percentiles(times.flatMap(({ firstMs }) => (firstMs === null ? [] : [firstMs]))),
    whole: percentiles(times.map(({ totalMs }) => totalMs)),
  };
}

export function viewTurn(row: UsageRow & { id: number }) {
  return {
    id: row.id,
    key_name: row.name,
    model: row.model,
    prompt_chars: row.promptChars,
    response_chars: row.answerChars,
    elapsed_ms: row.totalMs,
    success: row.outcome === "ok",
    created_at: isoTime(row.at),
    principal: row.principalId,
    request_id: row.requestId,
    dialect: row.dialect,
    outcome: row.outcome,
    path: row.path,
    reason: row.reason,
    cache: row.cache,
    queued_ms: row.queuedMs,
    first_ms: row.firstMs,
    tokens: viewTokens(row.tokens),
  };
}

/** Turns that are not among the single ones, since there were many and none of them asked a process. */
export function viewCounted(turns: Found<"counted">) {
  return {
    hour: isoTime(turns.hour),
    key_name: turns.name,
    principal: turns.principalId,
    model: turns.model,
    outcome: turns.outcome,
    cache: turns.cache,
    requests: turns.requests,
    first_request: isoTime(turns.first),
    last_request: isoTime(turns.last),
  };
}

export function viewSums(sums: UsageSums) {
  return {
    requests: sums.requests,
    successes: sums.ok,
    errors: sums.errors,
    cached: sums.cached,
    tokens: viewTokens(sums.tokens),
    total_prompt_chars: sums.promptChars,
    total_response_chars: sums.answerChars,
    total_elapsed_ms: sums.totalMs,
    avg_elapsed_ms: average(sums),
    max_elapsed_ms: sums.maxMs,
  };
}

function viewTokens({ input, cacheRead, cacheWrite, output, thinking }: Usage) {
  return { input, cache_read: cacheRead, cache_write: cacheWrite, output, thinking };
}

/** Of the turns that were ok. */
function average({ totalMs, ok }: UsageSums): number {
  return ok === 0 ? 0 : Math.round(totalMs / ok);
}
