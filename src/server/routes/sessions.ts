/** `/sessions`: the conversations that have a live process, and their end. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import type { Exchange, Exchanges } from "../exchange.ts";
import { errorResponses, jsonResponse, security, unauthorized } from "../openapi.ts";
import type { AppServices } from "../services.ts";

export function sessionRoutes({ engine }: AppServices, exchanges: Exchanges) {
  const ownerOf = ({ principal }: Exchange) => {
    if (!principal) throw new OcpError("invalid_api_key", "Sessions are shown to those whom they belong to.");
    return principal.id;
  };
  return new Elysia({ name: "sessions" })
    .get(
      "/sessions",
      ({ request }) => {
        const sessions = engine.sessions(ownerOf(exchanges.of(request))).map((session) => ({
          id: session.id,
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
      ({ request }) => Response.json({ cleared: engine.clearSessions(ownerOf(exchanges.of(request))) }),
      {
        detail: {
          ...common,
          summary: "End the processes that wait",
          description:
            "Running answers go on. The next message of an ended conversation is answered all the same, a little later.",
          responses: { "200": jsonResponse("How many were ended.", { cleared: 2 }), ...errors },
        },
      },
    );
}

const common = { tags: ["Server"], security };
const errors = errorResponses([unauthorized]);
const listed = {
  "200": jsonResponse("The caller's own.", {
    sessions: [
      {
        id: "s7",
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
