/** The plan's limits: those of a demonstration, and any as response headers. */

import type { Limits, LimitWindow } from "./script.ts";

const hour = 3_600_000;

/** A plan for demonstrations: each answer uses a hundredth of its session. `since` and `now` in epoch ms. */
export function demoLimits(count: number, since: number, now: number): Limits {
  const window = (length: number, share: number): LimitWindow => {
    const passed = Math.floor((now - since) / length);
    return { utilization: Math.min(0.9, share), resetsAt: Math.ceil((since + (passed + 1) * length) / 1000) };
  };
  return { status: "allowed", fiveHour: window(5 * hour, count / 100), sevenDay: window(168 * hour, count / 500) };
}

/**
 * The `anthropic-ratelimit-unified-*` headers, by the names that CLI 2.1.330 reads: utilization is a fraction,
 * a reset epoch seconds. The overall reset is that of the window that decides.
 */
export function limitHeaders(limits: Limits): Record<string, string> {
  const values: Record<string, string | number | boolean | undefined> = { status: limits.status };
  const windows = { "5h": limits.fiveHour, "7d": limits.sevenDay };
  for (const [name, window] of Object.entries(windows)) {
    if (!window) continue;
    values[`${name}-status`] = window.status ?? "allowed";
    values[`${name}-utilization`] = window.utilization;
    values[`${name}-reset`] = window.resetsAt;
    values[`${name}-surpassed-threshold`] = window.surpassed;
  }
  const claim = limits.claim ?? (limits.fiveHour || !limits.sevenDay ? "five_hour" : "seven_day");
  values["representative-claim"] = claim;
  const decides = { five_hour: limits.fiveHour, seven_day: limits.sevenDay }[claim];
  values.reset = limits.resetsAt ?? decides?.resetsAt;
  values["overage-status"] = limits.overage?.status;
  values["overage-disabled-reason"] = limits.overage?.disabledReason;
  values["overage-reset"] = limits.overage?.resetsAt;
  values["overage-in-use"] = limits.overage?.inUse;

  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) headers[`anthropic-ratelimit-unified-${name}`] = String(value);
  }
  return headers;
}
