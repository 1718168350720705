/**
 * Slows a client that asks the very same again and again as soon as it is answered, before it burns the plan: some
 * agents do so without end when an answer is not what they expect.
 */

import { OcpError } from "./errors.ts";

export interface Brake {
  /**
   * To be called before a request may run: how long it is to wait first, in ms; 0 for most.
   * Throws OcpError storm when it has been asked too often.
   */
  check(principalId: string, request: string): number;
  /** To be called when the request has been answered, however. */
  answered(principalId: string, request: string): void;
}

/** A repeat that comes later than this after the answer, in ms, is a new question. */
const soon = 2_000;
/** What the first slowed repeat waits, in ms; each further one waits twice as long, up to the longest. */
const firstWait = 1_000;
const longestWait = 8_000;
/** Seconds after which a refused client may ask the same again. */
const pause = 60;
/** How many requests are remembered, of all principals. */
const remembered = 1_000;

/**
 * `limitNow`: how many repeats, each right after the answer before it, cost nothing; twice as many are refused; 0 turns
 * the brake off. `now`: milliseconds of any origin.
 */
export function createBrake(limitNow: () => number, now: () => number): Brake {
  /** In the order of their last answer. */
  const seen = new Map<string, { repeats: number; answeredAt: number; refusedUntil: number }>();
  const keyOf = (principalId: string, request: string) => `${principalId} ${request}`;

  return {
    check(principalId, request) {
      const limit = limitNow();
      const entry = seen.get(keyOf(principalId, request));
      if (!entry || limit === 0) return 0;
      const refused = now() < entry.refusedUntil;
      if (!refused && now() - entry.answeredAt > soon) {
        seen.delete(keyOf(principalId, request));
        return 0;
      }
      entry.repeats++;
      if (entry.repeats <= limit) return 0;
      if (!refused && entry.repeats <= 2 * limit) {
        return Math.min(longestWait, firstWait * 2 ** (entry.repeats - limit - 1));
      }
      entry.refusedUntil = now() + pause * 1000;
      throw new OcpError(
        "storm",
        "This client sends the identical request again and again right after each answer, so it was stopped here to save your plan. Change the request, or wait (OCP_REPEAT_LIMIT).",
        { retryAfter: pause },
      );
    },
    answered(principalId, request) {
      if (limitNow() === 0) return;
      const key = keyOf(principalId, request);
      const { repeats = 0, refusedUntil = 0 } = seen.get(key) ?? {};
      seen.delete(key);
      seen.set(key, { repeats, answeredAt: now(), refusedUntil });
      for (const oldest of seen.keys()) {
        if (seen.size <= remembered) break;
        seen.delete(oldest);
      }
    },
  };
}
