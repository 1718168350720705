/** `GET /logs`: the last entries of the log, or all as they come. */

import { Elysia } from "elysia";
import { OcpError } from "../../core/errors.ts";
import { type LogEntry, type LogFilter, logLevels } from "../../core/logs.ts";
import type { Exchanges } from "../exchange.ts";
import { idleSeconds } from "../listen.ts";
import { errorResponses, jsonResponse, security } from "../openapi.ts";
import type { AppServices } from "../services.ts";
import { sseResponse } from "../sse.ts";

const preset = 30;
const most = 200;
const filters: readonly string[] = ["all", ...logLevels];
/** How long, in ms, a client that follows may stop reading. */
const patience = 60_000;

export function logRoutes({ config, logs, closing }: AppServices, exchanges: Exchanges) {
  return new Elysia({ name: "logs" }).get(
    "/logs",
    async ({ request, server }) => {
      const exchange = exchanges.of(request);
      const { count, level, follows } = readQuery(request);
      if (!follows) {
        const entries = await logs.tail(count, level);
        return Response.json({ count: entries.length, level, entries }, { headers: { "cache-control": "no-store" } });
      }
      // The head of what has no end is told without it.
      if (request.method === "HEAD") return new Response(null, { headers: { "content-type": "text/event-stream" } });
      const left = new AbortController();
      const signal = AbortSignal.any([closing, left.signal, request.signal]);
      server?.timeout(request, 0);
      exchange.streaming = true;
      return sseResponse(frames(logs.follow(count, level, signal)), {
        headers: {},
        heartbeat: config.heartbeatInterval,
        patience,
        silentSoFar: true,
        onEnd(how) {
          left.abort();
          if (how === "left") exchange.outcome = "client_left";
          if (how === "broken") exchange.outcome = "internal";
          server?.timeout(request, idleSeconds);
          exchange.end(200);
        },
      });
    },
    { detail },
  );
}

/** Throws OcpError invalid_request. */
function readQuery(request: Request): { count: number; level: LogFilter; follows: boolean } {
  const { searchParams } = new URL(request.url, "http://localhost");
  const one = (name: string, fallback: string) => {
    const [value = fallback, ...more] = searchParams.getAll(name);
    if (more.length > 0) throw new OcpError("invalid_request", `\`${name}\` is there more than once.`, { param: name });
    return value;
  };
  const n = one("n", String(preset));
  const count = /^[0-9]{1,6}$/.test(n) ? Number(n) : 0;
  if (count < 1 || count > most) {
    throw new OcpError("invalid_request", `\`n\` must be a whole number from 1 to ${most}.`, { param: "n" });
  }
  const level = one("level", "all");
  if (!filters.includes(level)) {
    throw new OcpError("invalid_request", `\`level\` must be one of ${filters.join(", ")}.`, { param: "level" });
  }
  const follow = one("follow", "");
  if (!["", "0", "1", "false", "true"].includes(follow)) {
    throw new OcpError("invalid_request", "`follow` must be 1 or 0.", { param: "follow" });
  }
  const wantsStream = /\btext\/event-stream\b/.test(request.headers.get("accept") ?? "");
  const follows = follow === "1" || follow === "true" || (follow === "" && wantsStream);
  return { count, level: level as LogFilter, follows };
}

async function* frames(entries: AsyncGenerator<LogEntry, void, void>): AsyncGenerator<string, void, void> {
  for await (const entry of entries) yield `data: ${JSON.stringify(entry)}\n\n`;
}

const example: LogEntry = {
  time: "2026-11-22T10:00:00.000Z",
  level: "info",
  message: "request",
  requestId: "req_9fK2mQ7xTb4LwZ81cVnY",
  method: "POST",
  path: "/v1/chat/completions",
  status: 200,
  ms: 1_834,
  principal: "local",
  model: "claude-sonnet-5-5",
  outcome: "ok",
};

const detail = {
  tags: ["Server"],
  summary: "The log",
  description:
    "The last entries, oldest first. With `follow=1`, or where the client accepts `text/event-stream`, they come as " +
    "server-sent events, and so does each later one.",
  security,
  parameters: [
    {
      name: "n",
      in: "query" as const,
      description: "How many of the last entries.",
      schema: { type: "integer" as const, minimum: 1, maximum: most, default: preset },
    },
    {
      name: "level",
      in: "query" as const,
      description: "Only entries of this level and of worse ones.",
      schema: { type: "string" as const, enum: [...filters], default: "all" },
    },
    {
      name: "follow",
      in: "query" as const,
      description: "1: the answer goes on with each new entry.",
      schema: { type: "string" as const, enum: ["0", "1"] },
    },
  ],
  responses: {
    "200": jsonResponse("The entries.", { count: 1, level: "all", entries: [example] }),
    ...errorResponses([
      {
        code: "invalid_request",
        when: "A parameter is wrong.",
        message: `\`n\` must be a whole number from 1 to ${most}.`,
      },
      { code: "forbidden", when: "The caller is not the owner.", message: "The log is the owner's." },
    ]),
  },
};
