/**
 * `GET /events`: what happens, as it happens, for the dashboard. `state` is how all is now, whole, soon after each
 * change; `sessions` are the conversations, when they have changed; `turn` is a turn that has ended. Who comes back with the last id that it saw gets the turns it has missed.
 */

import { Elysia } from "elysia";
import { humanDuration } from "../../core/duration.ts";
import { type Exchanges, queryOf } from "../exchange.ts";
import { idleSeconds } from "../listen.ts";
import type { Live } from "../live.ts";
import { errorResponses, forbidden, security, unauthorized } from "../openapi.ts";
import { viewAge, viewPlan } from "../plan-view.ts";
import type { AppServices } from "../services.ts";
import { principalNames, viewSessions } from "../session-view.ts";
import { sseResponse } from "../sse.ts";
import type { Turns } from "../turns.ts";
import { viewTurn } from "../usage-view.ts";
import { isWorking } from "./health.ts";

/** How often, in ms, all is looked at where nothing happens: processes come and go by themselves. */
const quiet = 5_000;
/** How many conversations are told of one by one. */
const conversationsShown = 50;
/** Ms until a page that lost its connection tries again. */
const retry = 1_000;

export function eventRoutes(services: AppServices, exchanges: Exchanges, turns: Turns, live: Live) {
  const { engine, admission, store, clock, version, closing } = services;
  const startedAt = clock();
  // Another start counts its turns anew.
  const boot = crypto.randomUUID().slice(0, 8);

  async function state() {
    const [status, plan] = await Promise.all([engine.status(), engine.plan()]);
    const now = clock();
    return {
      boot,
      now,
      status: isWorking(status) ? "ok" : "degraded",
      version,
      uptime: humanDuration(now - startedAt),
      login: status.login.problem ?? "ok",
      queue: admission.stats(),
      totals: turns.figures.stats(),
      processes: status.processes,
      memory: status.memory,
      plan: { ...viewAge(plan, now), ...viewPlan(plan, now) },
      running: live.running(),
      errors: turns.figures.byModel
        .failures()
        .map(({ at, code, model, requestId }) => ({ at, code, model, requestId })),
    };
  }

  /** Names are no reason to end the stream where the store cannot tell them. */
  function namesNow(): Map<string, string> {
    try {
      return principalNames(store.keys);
    } catch {
      return new Map();
    }
  }

  async function* frames(lastId: string | null, signal: AbortSignal): AsyncGenerator<string, void, void> {
    let changed = Promise.withResolvers<void>();
    const unwatch = live.watch(() => changed.resolve());
    const stop = () => changed.resolve();
    signal.addEventListener("abort", stop, { once: true });
    try {
      yield `retry: ${retry}\n\n`;
      const [, before, number] = /^(\w+)-(\d{1,15})$/.exec(lastId ?? "") ?? [];
      const missed = before === boot ? live.since(Number(number)) : null;
      let seen = missed === null ? live.last() : Number(number);
      let told = "";
      while (!signal.aborted) {
        // More than are remembered may have ended since the last look.
        for (const { seq, row } of live.since(seen) ?? live.recent()) {
          seen = seq;
          yield frame("turn", `${boot}-${seq}`, viewTurn({ ...row, id: 0 }));
        }
        yield frame("state", `${boot}-${seen}`, await state());
        const sessions = engine.sessions();
        const now = JSON.stringify(sessions);
        if (now !== told) {
          told = now;
          yield frame("sessions", `${boot}-${seen}`, viewSessions(sessions, namesNow(), conversationsShown));
        }
        const timer = setTimeout(stop, quiet);
        await changed.promise;
        clearTimeout(timer);
        changed = Promise.withResolvers<void>();
      }
    } finally {
      unwatch();
      signal.removeEventListener("abort", stop);
    }
  }

  return new Elysia({ name: "events" }).get(
    "/events",
    ({ request, server }) => {
      // The head of what has no end is told without it.
      if (request.method === "HEAD") return new Response(null, { headers: { "content-type": "text/event-stream" } });
      const exchange = exchanges.of(request);
      exchange.streaming = true;
      server?.timeout(request, 0);
      const left = new AbortController();
      const signal = AbortSignal.any([left.signal, closing]);
      const lastId = request.headers.get("last-event-id") ?? queryOf(request).get("after");
      return sseResponse(frames(lastId, signal), {
        headers: { "cache-control": "no-store" },
        heartbeat: Math.min(15_000, (idleSeconds * 1000) / 2),
        patience: 60_000,
        silentSoFar: false,
        onEnd(how) {
          left.abort();
          if (how === "left") exchange.outcome = "client_left";
          exchange.end(200);
        },
      });
    },
    { detail },
  );
}

function frame(event: string, id: string, data: unknown): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

const detail = {
  tags: ["Server"],
  summary: "What happens, as it happens",
  description:
    "Server-sent events: `state` is how all is now, soon after each change and every few seconds; `sessions` are " +
    "the 50 conversations that were used last, in the shape of `GET /sessions`, with how many there are in all, each time " +
    "that one of them has changed; `turn` is a turn that has ended, in the shape of `recent` of `/api/usage`. With `Last-Event-ID`, or `after` in the query, come the turns that were missed.",
  security,
  responses: {
    "200": {
      description: "The stream, without an end.",
      content: {
        "text/event-stream": {
          schema: { type: "string" as const },
          example: "event: state\nid: 1a2b3c4d-7\ndata: {...}\n",
        },
      },
    },
    ...errorResponses([unauthorized, forbidden]),
  },
};
