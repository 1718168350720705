/**
 * The budgets of keys: how many requests and tokens a day, a week, a month. What a turn may use is set aside before it
 * runs and settled by its row of usage, so that requests never overshoot, however many come at once.
 */

import { type Charges, type Journal, reasonOf } from "./journal.ts";
import { eachPeriod, type Period, periodOf, periods } from "./periods.ts";
import type { Share } from "./ports.ts";
import { type Refusal, refuse } from "./quota-refusal.ts";
import type { Seldom } from "./seldom.ts";
import type { KeyRecord, KeyStore, Limits } from "./store.ts";

export interface Quotas {
  /** Throws OcpError quota_exceeded when what the key has used, turns that run aside, reaches one of its limits. */
  check(keyId: number): void;
  /**
   * Sets one request and its tokens aside. The share is to be released in the moment in which the turn's row is in the
   * journal. Throws OcpError quota_exceeded. `size` is asked only if tokens are limited.
   */
  reserve(keyId: number, size: () => TurnSize): { share: Share; bound: AnswerBound | null };
  /** What a key has used of its limits, turns that run aside. */
  standing(key: KeyRecord): { requests: Standing; tokens: Standing };
}

/** All in tokens. */
export interface TurnSize {
  /** An estimate. */
  input: number;
  /** How long an answer the client allows; undefined leaves it to the model. */
  output: number | undefined;
  /** The longest answer of the model. */
  longest: number;
}

/** To what the answer must be held where tokens are limited. */
export interface AnswerBound {
  /** In tokens. */
  output: number;
  /** Whether that is less than the answer could else have. */
  shortened: boolean;
}

/** `resetsAt` in epoch ms. */
export type Standing = Record<Period, { limit: number | null; used: number; resetsAt: number }>;

export interface QuotaOptions {
  keys: KeyStore;
  journal: Journal;
  warn: Seldom;
  /** Epoch ms. */
  clock: () => number;
}

/**
 * The longest answer, in tokens, where the client does not say: the newest models may say four times as much, which
 * would set aside more than it ever needs.
 */
const usualLongest = 32_000;
/** An answer may set aside a quarter of a limit, so that several requests fit side by side into a small one. */
const parts = 4;
/** With less than this left, in tokens, an answer is not begun: it would be cut in its first sentences. */
const leastAnswer = 256;

interface Held {
  keyId: number;
  tokens: number;
}

export function createQuotas({ keys, journal, warn, clock }: QuotaOptions): Quotas {
  const shares = new Set<Held>();
  /** For a store that fails: a limit holds on for as long as this server runs. */
  const lastSeen = new Map<number, KeyRecord>();

  function limited(keyId: number): KeyRecord | null {
    try {
      const key = keyById(keys, keyId);
      if (key) lastSeen.set(keyId, key);
      else lastSeen.delete(keyId);
    } catch (error) {
      warn("quotas cannot be read", { problem: reasonOf(error) });
    }
    const key = lastSeen.get(keyId);
    return key && periods.some((period) => key.requests[period] !== null || key.tokens[period] !== null) ? key : null;
  }

  function heldBy(keyId: number): { requests: number; tokens: number } {
    const sum = { requests: 0, tokens: 0 };
    for (const one of shares) {
      if (one.keyId !== keyId) continue;
      sum.requests++;
      sum.tokens += one.tokens;
    }
    return sum;
  }

  return {
    check(keyId) {
      const key = limited(keyId);
      if (!key) return;
      const at = clock();
      const used = journal.used(keyId, at);
      refuse([...usedUp("requests", key.requests, used), ...usedUp("tokens", key.tokens, used)], at);
    },

    reserve(keyId, size) {
      const key = limited(keyId);
      let tokens = 0;
      let bound: AnswerBound | null = null;
      if (key) {
        const at = clock();
        const used = journal.used(keyId, at);
        const running = heldBy(keyId);
        const refusals = usedUp("requests", key.requests, used, running.requests);
        if (periods.some((period) => key.tokens[period] !== null)) {
          const allotted = allot(key.tokens, used, running.tokens, size());
          refusals.push(...allotted.refusals);
          bound = allotted.bound;
          tokens = allotted.tokens;
        }
        refuse(refusals, at);
      }
      const held = { keyId, tokens };
      shares.add(held);
      return { share: { release: () => void shares.delete(held) }, bound };
    },

    standing(key) {
      const at = clock();
      const used = journal.used(key.id, at);
      const of = (unit: "requests" | "tokens"): Standing =>
        eachPeriod((period) => ({
          limit: key[unit][period],
          used: used[period][unit],
          resetsAt: periodOf(period, at).end,
        }));
      return { requests: of("requests"), tokens: of("tokens") };
    },
  };
}

/** The limits that what was used and is set aside reaches. */
function usedUp(unit: "requests" | "tokens", limits: Limits, used: Charges, running = 0): Refusal[] {
  return periods.flatMap((period): Refusal[] => {
    const limit = limits[period];
    const all = used[period][unit] + running;
    return limit === null || all < limit ? [] : [{ period, unit, limit, used: all, why: "used_up" }];
  });
}

/** How much of each limit of tokens a turn takes, and where that is more than there is. */
function allot(limits: Limits, used: Charges, running: number, size: TurnSize) {
  const { input } = size;
  const wanted = size.output ?? Math.min(size.longest, usualLongest);
  const refusals: Refusal[] = [];
  let output = wanted;
  for (const period of periods) {
    const limit = limits[period];
    if (limit === null) continue;
    const most = Math.ceil(limit / parts);
    const free = limit - used[period].tokens - input;
    const least = Math.min(wanted, most, leastAnswer);
    output = Math.min(output, most, free - running);
    if (limit > 0 && free - running >= least) continue;
    const why = used[period].tokens >= limit ? "used_up" : free >= least ? "busy" : "too_large";
    refusals.push({ period, unit: "tokens", limit, used: used[period].tokens + running, why });
  }
  return { bound: { output, shortened: output < wanted }, tokens: input + output, refusals };
}

/** `KeyStore.find` prefers a name to an id, and a name may be a number. */
export function keyById(keys: KeyStore, id: number): KeyRecord | null {
  const found = keys.find(String(id));
  return found?.id === id ? found : (keys.list().find((key) => key.id === id) ?? null);
}
