/**
 * Bounds on the bodies that are being sent at the same time, in all and of one caller, and the charge for the memory
 * that a request holds until its answer has ended. A body that stops coming is cut by who reads it (body.ts).
 */

import { OcpError } from "../core/errors.ts";
import { callerOf } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { perByte, perValue, type RequestMemory } from "./request-memory.ts";

export interface UploadLimits {
  /** Bodies at the same time. Above it, a caller that sends no other is let in: several keys may be one person's. */
  count: number;
  /** Of one caller. */
  each: number;
}

export interface Upload {
  /** Called for each piece. Throws OcpError queue_full when there is no memory left for it. */
  add(bytes: number): void;
  /** The body is there, or will not come any more. */
  end(): void;
  /** Resolves when it is this body's turn to be parsed. */
  turn(): Promise<void>;
  /** To be called before the body is parsed: it holds so many values. Throws OcpError queue_full. */
  values(count: number): void;
  /** The request failed: it holds nothing any more. */
  drop(): void;
}

export interface Uploads {
  /** `announced`: bytes, as the head says; they are charged at once. Throws OcpError queue_full. */
  begin(request: Request, announced: number): Upload;
}

export interface UploadsOptions {
  limits: UploadLimits;
  memory: RequestMemory;
  exchangeOf: (request: Request) => Pick<Exchange, "principal" | "address" | "held" | "atEnd">;
  /** Lifts the server's own timeout for this request or sets it back: it cuts bodies that come slowly but steadily. */
  lift: (request: Request, lifted: boolean) => void;
}

export function createUploads({ limits, memory, exchangeOf, lift }: UploadsOptions): Uploads {
  const byCaller = new Map<string, number>();
  const turns = createTurnstile();
  let count = 0;

  return {
    begin(request, announced) {
      const exchange = exchangeOf(request);
      const caller = callerOf(exchange);
      const own = byCaller.get(caller) ?? 0;
      if ((count >= limits.count && own > 0) || own >= limits.each) throw tooMany();
      const held = memory.open(caller);
      try {
        held.take(announced * perByte);
      } catch (error) {
        held.end();
        throw error;
      }
      exchange.held = held;
      exchange.atEnd(held.end);
      count++;
      byCaller.set(caller, own + 1);
      lift(request, true);
      let come = 0;
      return {
        add(bytes) {
          come += bytes;
          const more = Math.min(bytes, come - announced);
          if (more > 0) held.take(more * perByte);
        },
        end() {
          count--;
          const left = (byCaller.get(caller) ?? 1) - 1;
          if (left > 0) byCaller.set(caller, left);
          else byCaller.delete(caller);
          lift(request, false);
        },
        turn: () => turns(caller),
        values: (count) => held.take(count * perValue),
        drop: held.end,
      };
    },
  };
}

/**
 * Lets one through in each turn of the event loop, and callers one after the other: a large body takes the thread for
 * up to some 300 ms, and between two of them others are answered.
 */
function createTurnstile(): (caller: string) => Promise<void> {
  const waiting = new Map<string, Array<() => void>>();
  let moving = false;

  function move(): void {
    const [first] = waiting;
    moving = first !== undefined;
    if (!first) return;
    const [caller, queue] = first;
    waiting.delete(caller);
    queue.shift()?.();
    if (queue.length > 0) waiting.set(caller, queue);
    setImmediate(move);
  }

  return (caller) =>
    new Promise((resolve) => {
      const queue = waiting.get(caller);
      if (queue) queue.push(resolve);
      else waiting.set(caller, [resolve]);
      if (!moving) {
        moving = true;
        setImmediate(move);
      }
    });
}

function tooMany(): OcpError {
  return new OcpError("queue_full", "Too many requests are being sent at the same time. Try again in a moment.", {
    retryAfter: 5,
  });
}
