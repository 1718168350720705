/** `/sessions`: the conversations that have a process or hibernate, and their end. */

import { Elysia } from "elysia";
import { isAdmin } from "../access.ts";
import type { Exchange, Exchanges } from "../exchange.ts";
import { errorResponses, forbidden, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";
import { principalNames, viewSession } from "../session-view.ts";

export function sessionRoutes({ engine, store }: AppServices, exchanges: Exchanges) {
  /** Whose sessions the caller sees and ends; undefined: everybody's. */
  const scopeOf = ({ principal }: Exchange) => (isAdmin(principal) ? undefined : principal?.id);

  return new Elysia({ name: "sessions" })
    .get(
      "/sessions",
      ({ request }) => {
        const scope = scopeOf(exchanges.of(request));
        const names = scope === undefined ? principalNames(store.keys) : null;
        const sessions = engine
          .sessions(scope)
          .map((session) => viewSession(session, names && (names.get(session.principalId) ?? session.principalId)));
        return Response.json({ sessions });
      },
      { detail: listDetail },
    )
    .delete(
      "/sessions",
      ({ request }) => {
        const { ended, forgotten } = engine.clearSessions(scopeOf(exchanges.of(request)));
        return Response.json({ cleared: ended, forgotten });
      },
      {
        detail: {
          ...common,
          summary: "End the processes that wait, and forget the conversations that hibernate",
          description:
            "The caller's own, or everybody's for the admin. Running answers go on. The next message of such a " +
            "conversation is answered all the same, a little later. `cleared` counts the processes, `forgotten` the " +
            "conversations that hibernated.",
          responses: { "200": jsonResponse("How many there were.", { cleared: 2, forgotten: 5 }), ...errors },
        },
      },
    );
}

const common = { tags: ["Server"], security };
const errors = errorResponses([unauthorized, forbidden]);
const example = viewSession(
  {
    id: "s7",
    pid: 4242,
    principalId: "key-3",
    model: "claude-sonnet-5-5",
    state: "idle",
    reason: null,
    messages: 4,
    turns: 2,
    usage: { input: 12, cacheRead: 18_400, cacheWrite: 1_130, output: 410 },
    rebuilds: { evicted: 1 },
    since: Date.UTC(2026, 10, 22, 10),
    usedAt: Date.UTC(2026, 10, 22, 10, 5),
  },
  "laptop",
);
const listDetail = {
  ...common,
  summary: "The conversations that have a process, and those that hibernate",
  description:
    "A `hibernated` conversation has no process (`pid` is null), and `ended` says why; its next message starts a process " +
    "that holds the same. `cacheHit` is the part of its input that was read from the prompt cache, `rebuilds` how often " +
    "its history was entered into another process, by the reason.",
  responses: {
    "200": jsonResponse("The caller's own; everybody's for the admin, with whose each is.", { sessions: [example] }),
    ...errors,
  },
};
