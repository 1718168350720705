/** Removes answers from the cache once they are too old to be given: they are personal, and nobody asks for them any more. */

import { reasonOf } from "../../core/journal.ts";
import type { Log } from "../../core/ports.ts";
import type { CacheStore } from "../../core/store.ts";

export interface ReapingOptions {
  store: CacheStore;
  /** Ms; 0: the cache is off, and nothing stays in it. */
  ttl: () => number;
  /** Epoch ms. */
  clock: () => number;
  log: Log;
  /** Ms between two rounds. */
  interval?: number;
}

/** Begins with a first round at once, and ends when the returned function is called. */
export function startReaping({ store, ttl, clock, log, interval = 600_000 }: ReapingOptions): () => void {
  const reap = () => {
    try {
      store.prune(clock() - ttl());
    } catch (error) {
      log.warn("old answers could not be removed from the response cache", { problem: reasonOf(error) });
    }
  };
  reap();
  const timer = setInterval(reap, interval);
  return () => clearInterval(timer);
}
