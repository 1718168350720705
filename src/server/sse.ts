/**
 * Server-sent events: turns a generator of frames into a response that holds back when the client reads slowly and
 * sends a comment when nothing else was sent for a while.
 *
 * The stream is pulled, since a `type: "direct"` one has no backpressure (Bun 1.4.5). Frames that are ready within
 * one turn of the event loop leave in one write: what the CLI says in one go costs one packet, not fifty.
 */

const keepalive = ": keepalive\n\n";
/** Characters after which a write is not joined with more, so that backpressure stays fine-grained. */
const batchSize = 65_536;

export interface SseOptions {
  /** Added to the response's headers. */
  headers: Record<string, string>;
  /** Ms of silence after which a comment goes out; 0 sends none. */
  heartbeat: number;
  /** Ms that a client may take to read what was sent, until it is taken for gone. */
  patience: number;
  /** Whether the first comment is due already. */
  silentSoFar: boolean;
  /** Called once: after the last frame, when the client left before it, or when the generator threw. */
  onEnd(how: SseEnd): void;
}

export type SseEnd = "complete" | "left" | "broken";

/** `frames` should not throw: an error after the head is a frame, made by the dialect. */
export function sseResponse(frames: AsyncGenerator<string, void, void>, options: SseOptions): Response {
  const { heartbeat } = options;
  const encoder = new TextEncoder();
  let ended = false;
  let pulling = false;
  let lastWrite = performance.now();
  let timer: Timer | undefined;
  let attention: Timer | undefined;

  function end(how: SseEnd): void {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    clearInterval(attention);
    options.onEnd(how);
  }

  /** One timer a stream that looks when the last write was costs nothing per frame. */
  function watch(controller: ReadableStreamDefaultController<Uint8Array>, delay: number): void {
    timer = setTimeout(() => {
      const silence = performance.now() - lastWrite;
      if (silence < heartbeat) return watch(controller, heartbeat - silence);
      if (pulling && (controller.desiredSize ?? -1) >= 0) {
        lastWrite = performance.now();
        controller.enqueue(encoder.encode(keepalive));
      }
      watch(controller, heartbeat);
    }, delay);
  }

  /** Cuts a connection whose client has stopped reading: it would keep the answer in memory for ever. */
  function attend(controller: ReadableStreamDefaultController<Uint8Array>): void {
    attention = setInterval(
      () => {
        if (pulling || performance.now() - lastWrite < options.patience) return;
        end("left");
        controller.error(new Error("the client has stopped reading"));
        void frames.return().catch(() => {});
      },
      Math.max(100, options.patience / 4),
    );
  }

  let upcoming: Promise<IteratorResult<string, void>> | null = null;

  /** The frames that are ready together, at least one; `done` when none follows. */
  async function batch(): Promise<{ text: string; done: boolean }> {
    const first = await (upcoming ?? frames.next());
    upcoming = null;
    if (first.done) return { text: "", done: true };
    let text = first.value;
    const turnOver = endOfTurn();
    while (text.length < batchSize) {
      upcoming = frames.next();
      const next = await Promise.race([upcoming, turnOver]);
      if (next === undefined) break;
      upcoming = null;
      if (next.done) return { text, done: true };
      text += next.value;
    }
    return { text, done: false };
  }

  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (options.silentSoFar) controller.enqueue(encoder.encode(keepalive));
        if (heartbeat > 0) watch(controller, heartbeat);
        attend(controller);
      },
      async pull(controller) {
        pulling = true;
        const { text, done } = await batch().catch((error: unknown) => {
          end("broken");
          throw error;
        });
        pulling = false;
        if (ended) return;
        lastWrite = performance.now();
        if (text !== "") controller.enqueue(encoder.encode(text));
        if (done) {
          end("complete");
          controller.close();
        }
      },
      cancel() {
        end("left");
        void frames.return().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );

  return new Response(stream, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
      ...options.headers,
    },
  });
}

function endOfTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}
