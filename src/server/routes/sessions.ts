/** `/sessions`: the conversations that have a live process, and their end. */

import { Elysia } from "elysia";
import { isAdmin } from "../access.ts";
import type { Exchange, Exchanges } from "../exchange.ts";
import { errorResponses, forbidden, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";

export function sessionRoutes({ engine, store }: AppServices, exchanges: Exchanges) {
  /** Whose sessions the caller sees and ends; undefined: everybody's. */
  const scopeOf = ({ principal }: Exchange) => (isAdmin(principal) ? undefined : principal?.id);

  /** By a principal's id, with the names that keys have now. */
  const namesNow = () => new Map(store.keys.list().map(({ id, name }) => [`key-${id}`, name]));

  return new Elysia({ name: "sessions" })
    .get(
      "/sessions",
      ({ request }) => {
        const scope = scopeOf(exchanges.of(request));
        const names = scope === undefined ? namesNow() : null;
        const sessions = engine.sessions(scope).map((session) => ({
          id: session.id,
          ...(names ? { principal: names.get(session.principalId) ?? session.principalId } : {}),
          pid: session.pid,
          model: session.model,
          state: session.state,
          messages: session.messages,
          turns: session.turns,
          createdAt: new Date(session.since).toISOString(),
          lastUsedAt: new Date(session.usedAt).toISOString(),
        }));
        return Response.json({ sessions });
      },
      { detail: { ...common, summary: "The conversations that have a process", responses: { ...listed, ...errors } } },
    )
    .delete(
      "/sessions",
      ({ request }) => Response.json({ cleared: engine.clearSessions(scopeOf(exchanges.of(request))) }),
      {
        detail: {
          ...common,
          summary: "End the processes that wait",
          description:
            "The caller's own, or everybody's for the admin. Running answers go on. The next message of an ended " +
            "conversation is answered all the same, a little later.",
          responses: { "200": jsonResponse("How many were ended.", { cleared: 2 }), ...errors },
        },
      },
    );
}

const common = { tags: ["Server"], security };
const errors = errorResponses([unauthorized, forbidden]);
const listed = {
  "200": jsonResponse("The caller's own; everybody's for the admin, with whose each is.", {
    sessions: [
      {
        id: "s7",
        principal: "laptop",
        pid: 4242,
        model: "claude-sonnet-5-5",
        state: "idle",
        messages: 4,
        turns: 2,
        createdAt: "2026-11-22T10:00:00.000Z",
        lastUsedAt: "2026-11-22T10:05:00.000Z",
      },
    ],
  }),
};
