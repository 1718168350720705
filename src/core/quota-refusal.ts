/** What a client is told whose key has no budget left, and when it may come again. */

import { humanDuration } from "./duration.ts";
import { type ExceededQuota, OcpError } from "./errors.ts";
import { periodOf } from "./periods.ts";

export interface Refusal {
  period: ExceededQuota["period"];
  unit: ExceededQuota["unit"];
  limit: number;
  /** With what is set aside for turns that run. */
  used: number;
  /** `busy`: all that is missing is set aside, and most of that comes back when those turns have ended. */
  why: "used_up" | "too_large" | "busy";
}

/** Seconds after which running turns are likely to have given back what they did not need. */
const busyRetry = 5;

/** Throws OcpError quota_exceeded for the refusal that lasts longest, if there is any. `at`: now, epoch ms. */
export function refuse(refusals: readonly Refusal[], at: number): void {
  const ends = ({ why, period }: Refusal) => (why === "busy" ? at : periodOf(period, at).end);
  const worst = refusals.reduce<Refusal | null>((a, b) => (a && ends(a) >= ends(b) ? a : b), null);
  if (!worst) return;
  const { period, unit, limit, used, why } = worst;
  const left = periodOf(period, at).end - at;
  const quota: ExceededQuota = { period, unit, limit, used, resetsIn: humanDuration(left) };
  throw new OcpError("quota_exceeded", sentence(quota, why), {
    quota,
    ...(why === "busy" ? { retryAfter: busyRetry, reason: "rate_limited" } : { retryAfter: Math.ceil(left / 1000) }),
  });
}

function sentence({ period, unit, limit, resetsIn }: ExceededQuota, why: Refusal["why"]): string {
  const quota = `${period} quota of ${limit.toLocaleString("en")} ${unit}`;
  switch (why) {
    case "used_up":
      return `This key's ${quota} is used up. It resets in ${resetsIn}.`;
    case "too_large":
      return `The request is too large for what this key has left of its ${quota}. It resets in ${resetsIn}.`;
    case "busy":
      return `The rest of this key's ${quota} is set aside for its requests that run. Try again in a moment.`;
  }
}
