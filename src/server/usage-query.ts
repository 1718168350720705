/** Reads what a request wants to know of the usage: a parameter that cannot be taken is refused, never replaced. */

import { OcpError } from "../core/errors.ts";
import type { UsageFilter } from "../core/store.ts";
import { parseTime } from "./iso-time.ts";

export interface UsageWanted {
  /** Epoch ms; `since` inclusive, `until` exclusive. */
  since: number;
  until: number;
  /** Of the single turns. */
  limit: number;
  before: number | undefined;
  /** Everybody's. */
  all: boolean;
  filter: UsageFilter;
  /** Whose single turns are wanted, of everybody's; null: all of them. */
  of: string | null;
  /** Also the hours of each model, or of each key. */
  by: "model" | "key" | null;
}

const hour = 3_600_000;
const usual = { hours: 24, limit: 50 };

/** `now` in epoch ms. Throws OcpError invalid_request. */
export function readUsageQuery(query: URLSearchParams, now: number): UsageWanted {
  const until = time(query, "until") ?? now + 1;
  const hours = integer(query, "hours", 1, 720);
  const named = time(query, "since");
  if (named !== undefined && hours !== undefined) throw refusal("hours", "cannot be combined with `since`");
  const since = named ?? until - (hours ?? usual.hours) * hour;
  const model = one(query, "model");
  if (since >= until) throw refusal("since", "must be before `until`");
  return {
    since,
    until,
    limit: integer(query, "limit", 1, 500) ?? usual.limit,
    before: integer(query, "before", 1, Number.MAX_SAFE_INTEGER),
    all: flag(query, "all"),
    filter: {
      ...(model === undefined ? {} : { model }),
      ...(flag(query, "failed") ? { failed: true } : {}),
    },
    of: one(query, "principal") ?? null,
    by: choice(query, "by"),
  };
}

function integer(query: URLSearchParams, param: string, min: number, max: number): number | undefined {
  const text = one(query, param);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw refusal(
    param,
    max === Number.MAX_SAFE_INTEGER ? "must be the id of a turn" : `must be a whole number from ${min} to ${max}`,
  );
}

function time(query: URLSearchParams, param: string): number | undefined {
  const text = one(query, param);
  if (text === undefined) return undefined;
  const at = parseTime(text);
  if (at === null) throw refusal(param, "must be a time such as 2026-11-30 or 2026-11-30T12:00:00Z");
  return at;
}

function flag(query: URLSearchParams, param: string): boolean {
  const text = one(query, param);
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw refusal(param, "must be true or false");
}

function choice(query: URLSearchParams, param: string): "model" | "key" | null {
  const text = one(query, param);
  if (text === undefined || text === "model" || text === "key") return text ?? null;
  throw refusal(param, "must be model or key");
}

function one(query: URLSearchParams, param: string): string | undefined {
  const values = query.getAll(param);
  if (values.length > 1) throw refusal(param, "must be given once");
  return values[0];
}

function refusal(param: string, rule: string): OcpError {
  return new OcpError("invalid_request", `\`${param}\` ${rule}.`, { param });
}
