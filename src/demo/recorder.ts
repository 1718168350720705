/** Keeps what the simulated API received, so that tests can assert on what the CLI really sent. */

import type { MessagesBody } from "./request.ts";

export interface ReceivedRequest {
  /** Counts the requests of this method and path since the start or the last reset, from 1. */
  number: number;
  method: string;
  path: string;
  /** With its question mark; "" is none. */
  query: string;
  headers: Record<string, string>;
  /** Null when there was none, or it is no JSON object. */
  body: MessagesBody | null;
  /** Size of the body in bytes. */
  bytes: number;
  /** Epoch milliseconds at which the request's headers were read. */
  at: number;
  /** The client left before the answer's end. */
  aborted: boolean;
  /** Settles when nothing more will be sent: all of it went out, we cut the connection, or the client left. */
  ended: Promise<Ending>;
  /**
   * Resets the connection, as long as the answer is not complete: for a test that has seen what went out before
   * (a scripted cut may overtake it in a client that is busy).
   */
  cut(): void;
}

export type Ending = "answered" | "cut" | "aborted";

export interface Recorded {
  received: ReceivedRequest;
  /** Says how the answer ended; the first call counts. */
  end(ending: Ending): void;
  /** Aborts when the connection shall be cut. */
  severed: AbortSignal;
}

export interface Recorder {
  readonly requests: ReceivedRequest[];
  /** Reads the request's body. */
  record(request: Request): Promise<Recorded>;
  /** The `count`th request to POST /v1/messages since the start or the last reset, once it is here. */
  message(count: number): Promise<ReceivedRequest>;
  reset(): void;
}

/** `keep`: how many requests are kept, the newest. `now`: epoch milliseconds. */
export function createRecorder(keep: number, now: () => number): Recorder {
  const requests: ReceivedRequest[] = [];
  const counts = new Map<string, number>();
  let waiting: Array<{ count: number; resolve: (request: ReceivedRequest) => void }> = [];

  function add(received: ReceivedRequest): void {
    requests.push(received);
    if (requests.length > keep) requests.shift();
    if (!isMessage(received)) return;
    const due = waiting.filter((one) => one.count === received.number);
    waiting = waiting.filter((one) => one.count !== received.number);
    for (const one of due) one.resolve(received);
  }

  return {
    requests,
    async record(request) {
      const at = now();
      const { pathname, search } = new URL(request.url);
      const { promise: ended, resolve: end } = Promise.withResolvers<Ending>();
      const text = await request.text();
      const route = `${request.method} ${pathname}`;
      const number = (counts.get(route) ?? 0) + 1;
      counts.set(route, number);
      const severing = new AbortController();
      const received: ReceivedRequest = {
        number,
        method: request.method,
        path: pathname,
        query: search,
        headers: Object.fromEntries(request.headers),
        body: parsed(text),
        bytes: Buffer.byteLength(text),
        at,
        aborted: false,
        ended,
        cut: () => severing.abort(),
      };
      let open = true;
      const endOnce = (ending: Ending) => {
        if (!open) return;
        open = false;
        received.aborted = ending === "aborted";
        end(ending);
      };
      request.signal.addEventListener("abort", () => endOnce("aborted"));
      if (request.signal.aborted) endOnce("aborted");
      add(received);
      return { received, end: endOnce, severed: severing.signal };
    },
    message(count) {
      const here = requests.find((one) => isMessage(one) && one.number === count);
      if (here) return Promise.resolve(here);
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
    reset() {
      requests.length = 0;
      counts.clear();
      waiting = [];
    },
  };
}

function isMessage(request: ReceivedRequest): boolean {
  return request.method === "POST" && request.path === "/v1/messages";
}

function parsed(text: string): MessagesBody | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as MessagesBody) : null;
  } catch {
    return null;
  }
}
