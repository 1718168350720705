/**
 * One turn that several clients read, each from its beginning and at its own pace.
 *
 * The turn is pulled by whoever has read all that there is, so the fastest reader sets the pace, and nobody's leaving
 * or lagging touches the others; when the last one leaves, it is aborted. What was said is kept for those who are
 * behind or still to come. That is bounded: a model's longest answer fits, and a turn that says more takes no more
 * readers, forgets what all have read, and lets go who lags behind by more than the bound.
 */

import { OcpError } from "../../core/errors.ts";
import type { TurnNote } from "../../core/ports.ts";
import type { TurnEvent } from "../../core/turn.ts";

type Events = AsyncGenerator<TurnEvent, void, void>;

export interface Flight {
  /**
   * All that the turn says. Throws what the turn throws, and the signal's reason when that aborts. `note` becomes that
   * of a `miss` for one reader at a time, to whom the turn is charged, and that of a `follower` for all others.
   */
  read(signal: AbortSignal, note: TurnNote): Events;
  /** How many read it now. */
  readers(): number;
}

export interface FlightOptions {
  /** Begins the turn; it ends when `signal` aborts. What it notes is noted of the reader to whom it is charged then. */
  begin(signal: AbortSignal, note: TurnNote): Events;
  /** Called with all that was said when the turn has come to its end, before any reader hears of that. */
  onEnd(events: readonly TurnEvent[]): void;
  /** Called once: from then on nobody may begin to read. */
  onClosed(): void;
}

interface Reader {
  /** How many events it has read. */
  read: number;
  note: TurnNote;
  /** What the note says while somebody else is charged. */
  uncharged: TurnNote;
  /** Set while it waits for more. */
  wake: (() => void) | null;
}

/** Bytes, as estimated. The longest answers have 128,000 tokens; were each an event of its own, they would take 27 MB. */
const mostKept = 32 * 1024 * 1024;

export function createFlight({ begin, onEnd, onClosed }: FlightOptions): Flight {
  const turn = new AbortController();
  /** In the order in which they came. */
  const readers = new Set<Reader>();
  /** To whom the turn is charged; nobody before the first reader. */
  let payer: Reader | null = null;
  const source = begin(
    turn.signal,
    noteOf(() => payer),
  );
  /** All events but the first `forgotten`. */
  const events: TurnEvent[] = [];
  let forgotten = 0;
  /** The weight of `events`. */
  let kept = 0;
  let pulling = false;
  let closed = false;
  let ended = false;
  let outcome: { error?: unknown } | null = null;

  function close(): void {
    if (closed) return;
    closed = true;
    onClosed();
  }

  function charge(reader: Reader | undefined): void {
    if (!reader || !payer || reader === payer) return;
    Object.assign(reader.note, payer.note);
    Object.assign(payer.note, payer.uncharged);
    payer = reader;
  }

  /** What a turn has cost is known at its end, so who pays is one who hears of that, and not one who may leave before. */
  function settle(): void {
    if (ended) return;
    ended = true;
    charge([...readers].find((reader) => reader.wake !== null));
  }

  function tell(): void {
    for (const reader of readers) {
      reader.wake?.();
      reader.wake = null;
    }
  }

  function take(event: TurnEvent): void {
    pulling = false;
    events.push(event);
    kept += weightOf(event);
    if (event.type === "end") {
      settle();
      if (forgotten === 0) onEnd(events);
      close();
    }
    if (kept > mostKept) forget();
    tell();
  }

  function finish(how: { error?: unknown }): void {
    outcome = how;
    settle();
    close();
    tell();
  }

  function pull(): void {
    if (pulling) return;
    pulling = true;
    source.next().then(
      (result) => (result.done ? finish({}) : take(result.value)),
      (error: unknown) => finish({ error }),
    );
  }

  /** Who has pulled has read everything, so at least one reader is always left. */
  function forget(): void {
    close();
    for (;;) {
      const [slowest] = [...readers].sort((a, b) => a.read - b.read);
      const gone = events.splice(0, (slowest?.read ?? 0) - forgotten);
      forgotten += gone.length;
      kept -= gone.reduce((sum, event) => sum + weightOf(event), 0);
      if (kept <= mostKept || !slowest || readers.size === 1) return;
      leave(slowest);
    }
  }

  function leave(reader: Reader, reason?: unknown): void {
    if (!readers.delete(reader)) return;
    reader.wake?.();
    if (outcome) return;
    const [next] = readers;
    if (next) {
      if (reader === payer && !ended) charge(next);
      return;
    }
    close();
    turn.abort(reason ?? new DOMException("Nobody reads the answer any more.", "AbortError"));
    void source.return().catch(() => {});
  }

  async function* read(signal: AbortSignal, own: TurnNote): Events {
    signal.throwIfAborted();
    own.cache = "follower";
    const reader: Reader = { read: 0, note: own, uncharged: { ...own }, wake: null };
    readers.add(reader);
    if (!payer) {
      payer = reader;
      own.cache = "miss";
    }
    const abort = () => leave(reader, signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        if (!readers.has(reader)) throw tooSlow();
        const event = events[reader.read - forgotten];
        if (event) {
          reader.read++;
          // Where the payer's quota shortens the answer, it does so for all.
          if (event.type === "start" && payer) own.outputLimit = payer.note.outputLimit;
          yield event;
        } else if (outcome) {
          if ("error" in outcome) throw outcome.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
            pull();
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
      leave(reader);
    }
  }

  return { read, readers: () => readers.size };
}

/** The note of whoever it is at each moment. */
function noteOf(reader: () => Reader | null): TurnNote {
  return new Proxy({} as TurnNote, {
    get: (_none, name) => Reflect.get(reader()?.note ?? {}, name),
    set: (_none, name, value) => Reflect.set(reader()?.note ?? {}, name, value),
  });
}

function weightOf(event: TurnEvent): number {
  if (event.type !== "delta") return 200;
  const { delta } = event;
  if (delta.type === "input_json") return 200 + delta.json.length;
  return 200 + (delta.type === "signature" ? delta.signature : delta.text).length;
}

function tooSlow(): OcpError {
  return new OcpError("timeout", "The answer was read so slowly that what is left of it could not be kept.");
}
