/**
 * A proxy between a client and what it talks to, which keeps what the client sent and says when the answer began. Its
 * address stays while what is behind it is replaced.
 */

import type { ReceivedRequest } from "../../src/demo/recorder.ts";

export interface TappedRequest {
  method: string;
  /** Without its query. */
  path: string;
  body: Record<string, unknown> | null;
  /** Of the answer; null: none came. */
  status: number | null;
  /** Ms from the request to the first piece of content in the answer's stream; null: none came. */
  firstToken: number | null;
  /** How often what is behind the tap had been replaced or emptied when the request went on. */
  epoch: number;
}

export interface Tap extends AsyncDisposable {
  /** Without a path. */
  url: string;
  /** All that came in, in order. */
  readonly requests: readonly TappedRequest[];
  /** Sends what comes from now on to another place. */
  pointTo(target: string): void;
  /** Tells that what is behind the tap has been replaced or emptied. */
  nextEpoch(): void;
  /** Resolves when none of the requests that went on is still being answered. */
  idle(): Promise<void>;
  /** Forgets the requests so far. */
  reset(): void;
}

export interface TapOptions {
  /** Held back until it resolves; requests that come meanwhile wait behind this one. */
  before?: (request: TappedRequest) => Promise<void>;
}

/** The first piece of an answer that a reader would see, in the three dialects. */
const content =
  /"content_block_start"|"delta":\{"content":"[^"]|"tool_calls":\[|"response\.(output_text|function_call_arguments)\.delta"/;

export const isAsking = ({ method, path }: Pick<ReceivedRequest, "method" | "path">): boolean =>
  method === "POST" && /\/v1\/(messages|chat\/completions|responses)$/.test(path);

export function startTap(first: string, { before = async () => {} }: TapOptions = {}): Tap {
  let target = first;
  let epoch = 0;
  const requests: TappedRequest[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  let underWay = 0;
  let waiting: Array<() => void> = [];
  const finish = () => {
    if (--underWay > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 256 * 1024 * 1024,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const text = await request.text();
      const tapped: TappedRequest = {
        method: request.method,
        path: pathname,
        body: objectIn(text),
        status: null,
        firstToken: null,
        epoch,
      };
      requests.push(tapped);
      queue = queue.then(() => before(tapped));
      await queue;
      tapped.epoch = epoch;
      underWay++;
      const done = once(finish);
      request.signal.addEventListener("abort", done);

      const sent = performance.now();
      const response = await fetch(target + pathname + search, {
        method: request.method,
        headers: forwarded(request.headers, ["host", "content-length", "accept-encoding", "connection"]),
        body: text === "" ? null : text,
        signal: request.signal,
      }).catch((cause) => {
        done();
        throw cause;
      });
      tapped.status = response.status;
      const headers = forwarded(response.headers, ["content-length", "content-encoding", "transfer-encoding"]);
      if (!response.body) {
        done();
        return new Response(null, { status: response.status, headers });
      }
      const onContent = () => {
        tapped.firstToken = performance.now() - sent;
      };
      return new Response(relay(response.body, { onContent, onEnd: done }), { status: response.status, headers });
    },
    // What is behind the tap broke off; the client sees that as it would see it there.
    error: (cause) => new Response(String(cause), { status: 502 }),
  });

  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    pointTo(next) {
      target = next;
    },
    nextEpoch() {
      epoch++;
    },
    reset() {
      requests.length = 0;
    },
    idle: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** Passes a stream on, and calls back at the first content and at the end, however that comes. */
async function* relay(
  stream: ReadableStream<Uint8Array>,
  { onContent, onEnd }: Record<"onContent" | "onEnd", () => void>,
) {
  const decoder = new TextDecoder();
  let head: string | null = "";
  try {
    for await (const chunk of stream) {
      if (head !== null) {
        head += decoder.decode(chunk, { stream: true });
        if (content.test(head)) {
          head = null;
          onContent();
        }
      }
      yield chunk;
    }
  } finally {
    onEnd();
  }
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}

function forwarded(headers: Headers, dropped: readonly string[]): Headers {
  const kept = new Headers(headers);
  for (const name of dropped) kept.delete(name);
  return kept;
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
