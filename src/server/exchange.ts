/** One request and its response: its id, what is learnt about it on the way, and its line in the log at the end. */

import type { Log, TurnNote } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { createRequestLog } from "./request-log.ts";
import type { Held } from "./request-memory.ts";

export interface Exchange {
  readonly id: string;
  /** Null until authenticated, and for strangers on public routes. */
  principal: Principal | null;
  /** The peer's address; null when unknown. */
  address: string | null;
  /** A program on this machine asks. */
  local: boolean;
  /** The canonical id; null where no model is asked. */
  model: string | null;
  /** Of the turn that is asked for; null: none is. */
  note: Pick<TurnNote, "spent"> | null;
  /** `ok`, the code of an OcpError, or `client_left`. */
  outcome: string;
  /** The charge for the request's body and answer; null: it has none. */
  held: Held | null;
  /** Set by who answers with a stream: the exchange then lasts until `end`, not until the response's head. */
  streaming: boolean;
  /** Calls `action` when the exchange ends. */
  atEnd(action: () => void): void;
  /** Writes the line of the log (request-log.ts); only the first call counts. */
  end(status: number): void;
}

export type Handle = (request: Request) => Response | Promise<Response>;

export interface Exchanges {
  of(request: Request): Exchange;
  /** Wraps the handling of a request: every response leaves with its id. */
  observe(request: Request, handle: Handle): Promise<Response>;
}

export function createExchanges(log: Log, newId: (prefix: string) => string): Exchanges {
  const write = createRequestLog({ log, now: () => performance.now() });
  const exchanges = new WeakMap<Request, Exchange>();

  function begin(request: Request): Exchange {
    const startedAt = performance.now();
    const { method } = request;
    const path = pathOf(request).slice(0, 200);
    const atEnd: Array<() => void> = [];
    let ended = false;
    const exchange: Exchange = {
      id: newId("req_"),
      principal: null,
      address: null,
      local: false,
      model: null,
      note: null,
      outcome: "ok",
      streaming: false,
      held: null,
      atEnd: (action) => void atEnd.push(action),
      end(status) {
        if (ended) return;
        ended = true;
        for (const action of atEnd) action();
        write({
          requestId: exchange.id,
          method,
          path,
          status,
          ms: Math.round(performance.now() - startedAt),
          principal: exchange.principal?.name ?? null,
          address: exchange.address,
          model: exchange.model,
          outcome: exchange.outcome,
          process: exchange.note?.spent?.path ?? null,
          reason: exchange.note?.spent?.reason ?? null,
        });
      },
    };
    exchanges.set(request, exchange);
    return exchange;
  }

  return {
    of(request) {
      const exchange = exchanges.get(request);
      if (!exchange) throw new Error("a request that no exchange was begun for");
      return exchange;
    },
    async observe(request, handle) {
      const exchange = begin(request);
      const response = await handle(request);
      response.headers.set("x-request-id", exchange.id);
      // Where Anthropic's SDKs look for it.
      response.headers.set("request-id", exchange.id);
      if (!exchange.streaming) exchange.end(response.status);
      return response;
    },
  };
}

/** The path as the router matches it, neither normalised nor decoded, so that authentication judges the same one. */
export function pathOf({ url }: Request): string {
  const start = url.indexOf("/", "http://".length);
  const query = url.indexOf("?", start);
  // Like the router, `substring` takes the -1 of a URL without a host, which a broken Host header makes, for 0.
  return url.substring(start, query === -1 ? undefined : query);
}

/** The parameters as they were sent: the router keeps one of several that have the same name. */
export function queryOf({ url }: Request): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : url.slice(start));
}
