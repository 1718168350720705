/** Removes what the store has held for long enough: answers that are too old to be given, and the use of long ago. */

import { reasonOf } from "../core/journal.ts";
import type { Log } from "../core/ports.ts";
import type { Store } from "../core/store.ts";

export interface ReapingOptions {
  store: Pick<Store, "cache" | "usage">;
  /** Ms; 0: the cache is off, and nothing stays in it. */
  cacheTtl: () => number;
  /** How many days the rows of single turns stay. */
  usageDays: () => number;
  /** Epoch ms. */
  clock: () => number;
  log: Log;
  /** Ms between two rounds, and between two in a row while there is more to remove. */
  interval?: number;
  pause?: number;
}

const day = 86_400_000;
/** Sums by the hour are small and tell of a year at a glance, so they stay for two at least. */
const sumsDays = 730;

/** Begins with a first round at once, and ends when the returned function is called. */
export function startReaping(options: ReapingOptions): () => void {
  const { store, cacheTtl, usageDays, clock, log, interval = 600_000, pause = 1_000 } = options;
  const attempt = (what: string, reap: () => number): number => {
    try {
      return reap();
    } catch (error) {
      log.warn(`${what} could not be removed`, { problem: reasonOf(error) });
      return 0;
    }
  };
  let timer: Timer;
  const reap = () => {
    attempt("old answers", () => store.cache.prune(clock() - cacheTtl()));
    const removed = attempt("usage of long ago", () => {
      const days = usageDays();
      return store.usage.prune(clock() - days * day, clock() - Math.max(days, sumsDays) * day);
    });
    // The store removes so many at a time, since everything else waits for it.
    timer = setTimeout(reap, removed > 0 ? pause : interval);
  };
  reap();
  return () => clearTimeout(timer);
}
