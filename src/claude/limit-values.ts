/** Reads single values of what is said of limits, where anything may be missing or be something else. */

import type { LimitState } from "../core/plan.ts";

/** What a Date can hold, in epoch ms. */
const latestDate = 8.64e15;

export function recordOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** A short text on one line. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" && /^[^\p{Cc}]{1,100}$/u.test(value) ? value : null;
}

/** As the CLI names its windows: `seven_day_opus`. */
export function windowNameOf(value: unknown): string | null {
  return typeof value === "string" && /^[a-z0-9_]{1,60}$/.test(value) ? value : null;
}

/** A share of a limit, in whichever unit; over its whole where extra usage is paid. */
export function shareOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

/** Epoch ms. */
export function timeOf(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= latestDate ? value : null;
}

/** Epoch seconds as epoch ms. */
export function epochOf(seconds: unknown): number | null {
  return typeof seconds === "number" && seconds > 0 && seconds * 1000 <= latestDate ? seconds * 1000 : null;
}

/** A date in ISO 8601 as epoch ms. */
export function dateOf(text: unknown): number | null {
  const at = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

const states: ReadonlySet<unknown> = new Set<LimitState>(["allowed", "allowed_warning", "rejected"]);

export function stateOf(value: unknown): LimitState {
  return states.has(value) ? (value as LimitState) : "unknown";
}
