/**
 * Decides when a request may start: a limit on what runs, a short queue that is fair between principals, and
 * refusal at once of what does not fit in it. Nobody can fill the places or the queue for others: the last place is
 * kept free for another principal, and the one that has the most in a full queue gives way.
 */

import { OcpError } from "./errors.ts";
import { createFairness } from "./fairness.ts";

/** A place among the running requests. */
export interface Slot {
  /** How long the request waited for it, in ms. */
  readonly queuedMs: number;
  /** Gives the place back; only the first call counts. */
  release(): void;
}

export interface AdmissionLimits {
  maxConcurrent: number;
  /** How many may wait; 0 refuses whatever cannot start at once. */
  maxQueue: number;
  /** Seconds that a refused client is told to wait. */
  retryAfter: number;
}

export interface AdmissionStats {
  running: number;
  /** Also while a place is free that the principals of those who wait may not have. */
  waiting: number;
  /** Requests refused since the start because the queue was full. */
  rejected: number;
}

export interface Admission {
  /**
   * Throws OcpError queue_full when too many wait, also later, when it has to give way to another principal's;
   * not_ready after `close`; and the signal's reason when it aborts first: an aborted waiter leaves the queue in the
   * same moment. `bringsProcess` tells whether the request needs no room, since its process is there already.
   */
  acquire(principalId: string, signal: AbortSignal, bringsProcess?: () => boolean): Promise<Slot>;
  /** Takes effect at once; running requests keep their places, waiting ones stay even in a shorter queue. */
  setLimits(limits: Partial<AdmissionLimits>): void;
  /** To be called when `hasRoom` may have become true. */
  recheck(): void;
  stats(): AdmissionStats;
  /** Refuses all who wait and all who come later; running requests are left alone. */
  close(): void;
}

export interface AdmissionOptions extends AdmissionLimits {
  /**
   * Whether memory allows one more beside `running` ones, of which the last may not run yet; not asked for 0, so that
   * one request always may.
   */
  hasRoom: (running: number) => boolean;
  /** What a request is refused with when too many wait: 429 unless it is `not_ready`, 503. */
  refusal?: "queue_full" | "not_ready";
  /** Milliseconds of any origin. */
  now?: () => number;
}

interface Waiter {
  since: number;
  bringsProcess: () => boolean;
  admit(slot: Slot): void;
  refuse(error: OcpError): void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { hasRoom, now = () => performance.now() } = options;
  const limits: AdmissionLimits = {
    maxConcurrent: options.maxConcurrent,
    maxQueue: options.maxQueue,
    retryAfter: options.retryAfter,
  };
  const fairness = createFairness();
  const queues = new Map<string, Set<Waiter>>();
  let running = 0;
  let waiting = 0;
  let rejected = 0;
  let closed = false;

  /**
   * Tells whether a principal may start one more request. Of several places, whether the maximum or the memory sets
   * their number, it holds all but one at most. With one place there is only the queue. A request that brings its
   * process needs no memory for another.
   */
  function mayStart(principalId: string, bringsProcess: () => boolean): boolean {
    if (running === 0) return true;
    const own = fairness.runningOf(principalId);
    if (running >= limits.maxConcurrent || own >= limits.maxConcurrent - 1) return false;
    if (bringsProcess()) return true;
    return hasRoom(running) && (own < running || hasRoom(running + 1));
  }

  /** The first request of each queue that may start, by its principal. */
  function startable(): Map<string, Waiter> {
    const ready = new Map<string, Waiter>();
    for (const [id, queue] of queues) {
      const first = [...queue].find((waiter) => mayStart(id, waiter.bringsProcess));
      if (first) ready.set(id, first);
    }
    return ready;
  }

  function take(principalId: string, since: number): Slot {
    running++;
    fairness.started(principalId);
    let held = true;
    return {
      queuedMs: now() - since,
      release() {
        if (!held) return;
        held = false;
        running--;
        fairness.ended(principalId);
        admitWaiting();
      },
    };
  }

  function forget(principalId: string, waiter: Waiter): void {
    const queue = queues.get(principalId);
    if (!queue?.delete(waiter)) return;
    waiting--;
    if (queue.size === 0) queues.delete(principalId);
  }

  function admitWaiting(): void {
    for (;;) {
      const ready = startable();
      const principalId = fairness.next(ready.keys());
      if (principalId === undefined) return;
      const waiter = ready.get(principalId) as Waiter;
      forget(principalId, waiter);
      waiter.admit(take(principalId, waiter.since));
    }
  }

  /** Makes place in a full queue for somebody who has less in it than another; false: nobody has to give way. */
  function giveWay(principalId: string): boolean {
    const own = queues.get(principalId)?.size ?? 0;
    const [longest] = [...queues].sort(([, a], [, b]) => b.size - a.size);
    if (!longest || longest[1].size <= own + 1) return false;
    const [greediest, queue] = longest;
    const last = [...queue].at(-1) as Waiter;
    forget(greediest, last);
    last.refuse(queueFull());
    return true;
  }

  function queueFull(): OcpError {
    rejected++;
    const { retryAfter } = limits;
    return new OcpError(
      options.refusal ?? "queue_full",
      "Too many requests are waiting already. Try again in a moment.",
      {
        reason: "queue_full",
        retryAfter,
      },
    );
  }

  function wait(principalId: string, signal: AbortSignal, bringsProcess: () => boolean): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        forget(principalId, waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        since: now(),
        bringsProcess,
        admit(slot) {
          signal.removeEventListener("abort", leave);
          resolve(slot);
        },
        refuse(error) {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      const queue = queues.get(principalId);
      if (queue) queue.add(waiter);
      else queues.set(principalId, new Set([waiter]));
      waiting++;
    });
  }

  return {
    async acquire(principalId, signal, bringsProcess = () => false) {
      signal.throwIfAborted();
      if (closed) throw goingDown();
      // A request that brings its process takes no memory from those that wait for it, and those that wait for a place
      // of their own principal hold up no other.
      const passes = () => bringsProcess() || startable().size === 0;
      if (mayStart(principalId, bringsProcess) && passes()) return take(principalId, now());
      if (waiting >= limits.maxQueue && !giveWay(principalId)) throw queueFull();
      return wait(principalId, signal, bringsProcess);
    },
    setLimits(changed) {
      Object.assign(limits, changed);
      admitWaiting();
    },
    recheck: admitWaiting,
    stats: () => ({ running, waiting, rejected }),
    close() {
      closed = true;
      const refused = [...queues.values()].flatMap((queue) => [...queue]);
      queues.clear();
      waiting = 0;
      for (const waiter of refused) waiter.refuse(goingDown());
    },
  };
}

function goingDown(): OcpError {
  return new OcpError("not_ready", "The server is shutting down.");
}
