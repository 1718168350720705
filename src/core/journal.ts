/**
 * Writes rows of usage into the store, and keeps those that it does not take until it does: a full disk or a locked
 * file must not fail answers, and what they used still counts.
 */

import { OcpError } from "./errors.ts";
import { eachPeriod, periodOf } from "./periods.ts";
import type { Seldom } from "./seldom.ts";
import type { UsageRow, UsageStore } from "./store.ts";

/** What has been charged to a key, in each of the current periods. */
export type Charges = ReturnType<UsageStore["used"]>;

export interface Journal {
  /** To be called when a turn begins, whose row is to come. */
  begin(): void;
  /** Committed when it returns, or kept for the next attempt. Throws nothing. */
  write(row: UsageRow): void;
  /**
   * The store's figures and what waits for it. Where the store cannot tell, the last that it told, which holds for as
   * long as this server runs, else nothing. Throws nothing.
   */
  used(keyId: number, at: number): Charges;
  /** Waits until no row is to come any more, `patience` ms at most, and tries once more to write what waits. */
  close(patience: number): Promise<void>;
  status(): JournalStatus;
}

export interface JournalStatus {
  /** Rows that wait for the store. */
  waiting: number;
  /** Rows that were given up, because too many waited. */
  lost: number;
  /** Why the last attempt failed; null: it did not. */
  problem: string | null;
}

export interface JournalOptions {
  usage: UsageStore;
  warn: Seldom;
  /** Epoch ms. */
  clock: () => number;
  /** How many rows may wait. */
  capacity?: number;
}

/** A locked database blocks everything for as long as an attempt lasts, so in trouble there is one in this time, ms. */
const pause = 1_000;

export function createJournal({ usage, warn, clock, capacity = 10_000 }: JournalOptions): Journal {
  let waiting: UsageRow[] = [];
  let toCome = 0;
  let onLast = () => {};
  let lost = 0;
  let problem: string | null = null;
  let failedAt = Number.NEGATIVE_INFINITY;
  /** What the store last told about each key, and what it has taken since. */
  const known = new Map<number, { at: number; charges: Charges }>();

  const trouble = (message: string, error: unknown) => {
    problem = reasonOf(error);
    warn(message, { problem, waiting: waiting.length, lost });
  };

  function flush(): void {
    let written = 0;
    try {
      for (const row of waiting) {
        usage.record(row);
        written++;
        const last = row.keyId === null ? undefined : known.get(row.keyId);
        if (last) known.set(row.keyId as number, { at: row.at, charges: withRow(carried(last, row.at), row.at, row) });
      }
      problem = null;
    } catch (error) {
      failedAt = clock();
      trouble("usage cannot be written", error);
    }
    waiting = waiting.slice(written);
  }

  return {
    begin() {
      toCome++;
    },
    write(row) {
      if (--toCome === 0) onLast();
      waiting.push(row);
      // The clock may be set back.
      if (Math.abs(clock() - failedAt) >= pause) flush();
      if (waiting.length <= capacity) return;
      waiting.shift();
      lost++;
    },
    used(keyId, at) {
      try {
        known.set(keyId, { at, charges: usage.used(keyId, at) });
      } catch (error) {
        trouble("usage cannot be read", error);
      }
      let charges = carried(known.get(keyId), at);
      for (const row of waiting) if (row.keyId === keyId) charges = withRow(charges, at, row);
      return charges;
    },
    async close(patience) {
      if (toCome > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, patience);
          onLast = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      flush();
    },
    status: () => ({ waiting: waiting.length, lost, problem }),
  };
}

/** What of the figures of an earlier moment still counts: those of periods that have not ended since. */
function carried(last: { at: number; charges: Charges } | undefined, at: number): Charges {
  return eachPeriod((period) =>
    last && periodOf(period, at).start === periodOf(period, last.at).start
      ? last.charges[period]
      : { requests: 0, tokens: 0 },
  );
}

/** `charges` are those of the periods of `at`. */
function withRow(charges: Charges, at: number, row: UsageRow): Charges {
  return eachPeriod((period) => {
    const { requests, tokens } = charges[period];
    const { start, end } = periodOf(period, at);
    if (row.at < start || row.at >= end) return { requests, tokens };
    return { requests: requests + row.charged.requests, tokens: tokens + row.charged.tokens };
  });
}

/** A sentence of the store's, or a system's code. */
export function reasonOf(error: unknown): string {
  if (error instanceof OcpError) return error.message;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(code ?? name ?? "unknown");
}
