/** Sends an answer in pieces: at its pace, and with its fault. */

import { errorBody } from "./errors.ts";
import type { Ending } from "./recorder.ts";
import type { AnswerScript, Fault } from "./script.ts";
import { type Frames, frame } from "./wire.ts";

/** What is written, one piece after the other, and what happens then. */
export interface Transmission {
  pieces: Piece[];
  last: "close" | "stall" | "cut";
}

/** One write, and the milliseconds to wait before it. */
export interface Piece {
  waitMs: number;
  text: string;
}

/** Writes together what no pause separates: the whole answer is one piece when the script asks for no pause. */
export function planTransmission(frames: Frames, script: AnswerScript, requestId: string): Transmission {
  const { fault, paceMs = 0, endDelayMs = 0, stopDelayMs = 0 } = script;
  const deltas = fault ? frames.deltas.slice(0, fault.after) : frames.deltas;
  const paced = (text: string): Piece => ({ waitMs: paceMs, text });
  const [blockEnd, delta, stop] = frames.end;
  const end = fault
    ? [paced(faultFrames(fault, requestId))]
    : [paced(blockEnd), { waitMs: endDelayMs, text: delta }, { waitMs: stopDelayMs, text: stop }];
  return {
    pieces: joined([{ waitMs: 0, text: frames.start }, ...deltas.map(paced), ...end]),
    last: fault && fault.kind !== "error" ? fault.kind : "close",
  };
}

function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  let wait = 0;
  for (const { waitMs, text } of pieces) {
    wait += waitMs;
    if (text === "") continue;
    const last = all.at(-1);
    if (last && wait === 0) last.text += text;
    else all.push({ waitMs: wait, text });
    wait = 0;
  }
  return all;
}

function faultFrames(fault: Fault, requestId: string): string {
  return fault.kind === "error" ? frame("error", errorBody(fault.status ?? 529, fault.message, requestId)) : "";
}

/** The connection that an answer goes out on. */
export interface Connection {
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** Aborts when a test cuts the connection. */
  severed: AbortSignal;
  /** Hears how the sending ended. */
  end(ending: Ending): void;
}

/** Sends the pieces. A single piece goes out as one write, together with the headers. */
export function transmit(
  { pieces, last }: Transmission,
  headers: Record<string, string>,
  connection: Connection,
): Response {
  const { signal, severed, end } = connection;
  if (pieces.length === 1 && last === "close") {
    end("answered");
    return new Response(pieces[0]?.text, { headers });
  }
  const encoder = new TextEncoder();
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = pieces[next++];
      if (piece) await pause(piece.waitMs, connection);
      // A stream whose client has left is cancelled already: then this does nothing.
      if (severed.aborted || signal.aborted) return reset(controller, end);
      if (piece) return controller.enqueue(encoder.encode(piece.text));
      if (last === "close") {
        end("answered");
        return controller.close();
      }
      await pause(last === "cut" ? flushMs : Number.POSITIVE_INFINITY, connection);
      reset(controller, end);
    },
  });
  return new Response(body, { headers });
}

/** A response that resets the connection before anything was written. */
export function noResponse(end: (ending: Ending) => void): Response {
  return new Response(new ReadableStream({ pull: (controller) => reset(controller, end) }));
}

/** The reset would overtake what was just written, so it leaves Bun, and the client, a moment. */
const flushMs = 250;

/** Bun resets the connection on a stream's error, and prints any reason but undefined. */
function reset(controller: ReadableStreamDefaultController, end: (ending: Ending) => void): void {
  end("cut");
  controller.error(undefined);
}

/** Waits so many milliseconds, for ever if infinite, or until the client leaves or the connection is cut. */
export function pause(ms: number, { signal, severed }: Connection): Promise<void> {
  if (ms === 0 || signal.aborted || severed.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = Number.isFinite(ms) ? setTimeout(done, ms) : undefined;
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      severed.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    severed.addEventListener("abort", done);
  });
}
