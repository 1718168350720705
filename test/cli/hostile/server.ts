/** A server of the shape of a real one, whose every text and every free name acts on the terminal. */

import { createHostileText } from "./text.ts";

export type Mood = "answers" | "refuses" | "talks nonsense";

export interface HostileServer extends AsyncDisposable {
  url: string;
  port: string;
  mood: Mood;
}

/** What commands decide by. */
const kept = new Set(["status", "version", "authMode", "type", "source", "level", "time", "id"]);

/** What changes something is not passed on: the answer is of its shape. */
const changes: Record<string, unknown> = {
  POST: { id: 1, key: "ocp_x", name: "one" },
  PATCH: {
    key: { id: 1, name: "one", expires_at: "2030-01-01" },
    quota: Object.fromEntries(["daily", "weekly", "monthly"].map((each) => [each, { limit: null, used: 0 }])),
  },
  DELETE: { cleared: 1 },
};

/** `real`: the server whose answers it gives. */
export function startHostileServer(real: string, seed: number): HostileServer {
  const text = createHostileText(seed);
  const spoiled = (value: unknown, name = ""): unknown => {
    if (typeof value === "string") return kept.has(name) ? value : `${value.slice(0, 40)}${text()}`;
    if (value === null) return name === "reason" ? text() : null;
    // The doctor tells the reason then.
    if (name === "isolated") return false;
    if (Array.isArray(value)) return value.map((each) => spoiled(each));
    if (typeof value !== "object") return value;
    const fields = Object.entries(value).map(([key, each]) => [key, spoiled(each, key)] as const);
    const [first] = fields;
    return Object.fromEntries(first === undefined ? fields : [...fields, [text(), first[1]]]);
  };
  const lineOf = (message: string) =>
    `data: ${JSON.stringify(spoiled({ time: "2026-01-01T00:00:00Z", level: "warn", message, path: "/x" }))}\n\n`;
  const server: HostileServer = {
    url: "",
    port: "",
    mood: "answers",
    [Symbol.asyncDispose]: () => listener.stop(true),
  };
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const { mood } = server;
      if (mood === "talks nonsense") return new Response(text());
      if (mood === "refuses") return Response.json({ error: { message: text() } }, { status: 400 });
      if (search.includes("follow=1")) return new Response(lineOf("one") + lineOf("two"));
      // Asked for by `ocp connect`, whose clients would be told models by other names.
      if (pathname === "/v1/models" || pathname.startsWith("/v1/models/"))
        return await passed(pathname, (each) => each);
      if (pathname.startsWith("/v1/")) return Response.json({ error: { message: text() } }, { status: 400 });
      if (request.method === "GET") return passed(pathname + search, spoiled);
      const current = await (await fetch(`${real}/settings`)).json();
      const { tokens, ...shape } = { tokens: 0, ...(changes[request.method] as object), current };
      return Response.json(spoiled(shape));
    },
  });
  const passed = async (path: string, how: (value: unknown) => unknown) => {
    const answer = await fetch(`${real}${path}`);
    return Response.json(how(await answer.json()), { status: answer.status });
  };
  server.url = `http://127.0.0.1:${listener.port}`;
  server.port = String(listener.port);
  return server;
}
