/**
 * Shares out the memory that requests hold, from the announcement of their body until their answer has ended. One
 * caller may hold half of it, so that another always has room.
 */

import { OcpError } from "../core/errors.ts";

/**
 * Bytes that are charged for a byte of a body. Measured with bodies of 16 MB (Bun 1.4.5): a request that waits holds 1
 * to 1.2 times its body, and its copies before it is decoded and when it is sent to the CLI make it up to 4.
 */
export const perByte = 4;
/** Bytes that are charged for a value or a name in a body: the objects made of it, and their copies. */
export const perValue = 256;
/** Bytes that are charged for a request by itself. */
const perRequest = 16_384;
/** A caller that holds nothing may hold this part of all, though others hold the rest: several keys may be one person's. */
const firstShare = 1 / 64;
/** How many times all the memory such callers may bring it to. */
const stretch = 1.25;
/** Bytes that are charged, or given back, from one collection of garbage to the next. */
const turnover = 32 * 1024 * 1024;
/** How many times as long as a collection took the next one waits: a charge costs its caller next to nothing. */
const restBetween = 10;

export interface Held {
  /** Throws OcpError queue_full when there is no memory left for so many more bytes; those before stay charged. */
  take(bytes: number): void;
  /** Charges for what is there already. */
  add(bytes: number): void;
  /** Gives all back; later calls change nothing. */
  end(): void;
}

export interface RequestMemory {
  /** Throws OcpError queue_full. */
  open(caller: string): Held;
  /** Bytes that are charged now. */
  held(): number;
}

export interface RequestMemoryOptions {
  /** Bytes; asked when it is needed, as is the next. */
  max: () => number;
  /** Seconds that a refused client is told to wait. */
  retryAfter: () => number;
  /**
   * Called soon after much was charged or given back: the copies of a large body are garbage at once, but the engine
   * would let them lie until several times as much has come together.
   */
  collect: () => void;
}

export function createRequestMemory({ max, retryAfter, collect }: RequestMemoryOptions): RequestMemory {
  const byCaller = new Map<string, number>();
  let moved = 0;
  let collecting = false;

  const share = () => max() / 2;
  const sum = (amounts: Iterable<number>) => [...amounts].reduce((all, one) => all + one, 0);
  const heldBy = (caller: string) => byCaller.get(caller) ?? 0;

  /** `own`: what the request itself holds. A caller's one request may be as large as bodies may be. */
  function fits(caller: string, own: number, more: number): boolean {
    const after = heldBy(caller) + more;
    const isOnly = heldBy(caller) === own;
    if (after > share() && !isOnly) return false;
    const others = sum(byCaller.entries().map(([who, held]) => (who === caller ? 0 : Math.min(held, share()))));
    const all = others + Math.min(after, share());
    return all <= max() || (isOnly && after <= max() * firstShare && all <= max() * stretch);
  }

  function charge(caller: string, bytes: number): void {
    const after = heldBy(caller) + bytes;
    if (after > 0) byCaller.set(caller, after);
    else byCaller.delete(caller);
    moved += Math.abs(bytes);
    collectSoon();
  }

  function collectSoon(): void {
    if (moved < turnover || collecting) return;
    moved = 0;
    collecting = true;
    // By then nothing on the stack refers to the copies.
    setImmediate(() => {
      const begun = performance.now();
      collect();
      const rested = () => {
        collecting = false;
        collectSoon();
      };
      setTimeout(rested, (performance.now() - begun) * restBetween).unref();
    });
  }

  function refusal(caller: string): OcpError {
    const whose = heldBy(caller) > share() / 2 ? "Your requests that wait or are answered" : "The requests of others";
    return new OcpError(
      "queue_full",
      `${whose} hold the memory that there is for them (OCP_REQUEST_MEMORY). Try again when one has been answered.`,
      { reason: "request_memory", retryAfter: retryAfter() },
    );
  }

  return {
    open(caller) {
      let own = 0;
      let ended = false;
      const add = (bytes: number) => {
        if (ended) return;
        own += bytes;
        charge(caller, bytes);
      };
      const take = (bytes: number) => {
        if (!ended && !fits(caller, own, bytes)) throw refusal(caller);
        add(bytes);
      };
      take(perRequest);
      return {
        take,
        add,
        end() {
          if (ended) return;
          ended = true;
          charge(caller, -own);
        },
      };
    },
    held: () => sum(byCaller.values()),
  };
}
