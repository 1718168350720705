/**
 * Writes usage into the store, a row for a turn or a count of many that cost nothing. Keeps what the store does not take
 * until it does: a full disk or a locked file must not fail answers, and their usage still counts.
 */

import { OcpError } from "./errors.ts";
import { eachPeriod, periodOf } from "./periods.ts";
import type { Seldom } from "./seldom.ts";
import type { UsageRow, UsageStore } from "./store.ts";
import { createTurnCounter } from "./turn-counter.ts";

/** What has been charged to a key, in each of the current periods. */
export type Charges = ReturnType<UsageStore["used"]>;

export interface Journal {
  /** To be called when a turn begins, whose row is to come. */
  begin(): void;
  /**
   * True: the turn has a row, which is committed when this returns, or kept for the next attempt. False: it is one of
   * many that no process answered, and is only counted; the store has it a moment later. Throws nothing.
   */
  write(row: UsageRow): boolean;
  /** To be called before a report: writes what was counted, if the store takes it. Throws nothing. */
  catchUp(): void;
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
  /** Turns that were given up, because too many waited. */
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
  /** The name under which the turns of a model are counted (turn-counter.ts). */
  modelName?: (model: string) => string;
}

/** A locked database blocks everything for as long as an attempt lasts, so in trouble there is one in this time, ms. */
const pause = 1_000;

/** How long, in ms, what was counted may wait: one transaction then stands for hundreds of turns. */
const countDelay = 1_000;

export function createJournal(options: JournalOptions): Journal {
  const { usage, warn, clock, capacity = 10_000, modelName = (model) => model } = options;
  const counter = createTurnCounter({ modelName });
  let counting: Timer | undefined;
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
    warn(message, { problem, waiting: waiting.length, lost: lost + counter.lost });
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

  function flushCounts(): void {
    clearTimeout(counting);
    counting = undefined;
    const turns = counter.take();
    if (turns.length === 0) return;
    try {
      usage.count(turns);
      problem = null;
    } catch (error) {
      failedAt = clock();
      counter.putBack(turns);
      trouble("usage cannot be written", error);
      later();
    }
  }

  const later = () => {
    counting ??= setTimeout(flushCounts, countDelay);
    counting.unref();
  };

  return {
    begin() {
      toCome++;
    },
    write(row) {
      if (--toCome === 0) onLast();
      if (!counter.admits(row)) {
        later();
        return false;
      }
      waiting.push(row);
      // The clock may be set back.
      if (Math.abs(clock() - failedAt) >= pause) flush();
      if (waiting.length > capacity) {
        waiting.shift();
        lost++;
      }
      return true;
    },
    catchUp() {
      if (Math.abs(clock() - failedAt) >= pause) flushCounts();
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
      flushCounts();
      clearTimeout(counting);
    },
    status: () => ({ waiting: waiting.length, lost: lost + counter.lost, problem }),
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
