import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import { adminKey, errorOf, fails, healthy, hello, helloStream, serve } from "./served.ts";

const shared = { PROXY_API_KEY: "the-right-key" };
const right = { authorization: "Bearer the-right-key" };

describe("every route", () => {
  test.each([
    ["GET", "/health", 200],
    ["GET", "/v1/models", 200],
    ["GET", "/v1/models/sonnet", 200],
    ["GET", "/swagger", 200],
    ["GET", "/swagger/json", 200],
    ["POST", "/v1/chat/completions", 200],
  ])("%s %s works with a query and with a trailing slash", async (method, path, status) => {
    const { send } = serve();
    const init = method === "POST" ? { method, body: JSON.stringify(hello) } : { method };
    for (const form of ["", "/", "?x=1&y", "/?x=1"]) {
      expect([form, (await send(path + form, init)).status]).toEqual([form, status]);
    }
  });

  test.each([
    ["POST", "/v1/models", "GET, HEAD, OPTIONS"],
    ["DELETE", "/v1/models/sonnet", "GET, HEAD, OPTIONS"],
    ["GET", "/v1/chat/completions", "OPTIONS, POST"],
    ["HEAD", "/v1/chat/completions/", "OPTIONS, POST"],
    ["PUT", "/health?x=1", "GET, HEAD, OPTIONS"],
    ["POST", "/", "GET, HEAD, OPTIONS"],
  ])("%s %s is a 405 that says what is allowed", async (method, path, allow) => {
    const response = await serve().send(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    if (method !== "HEAD") expect((await errorOf(response)).code).toBe("method_not_allowed");
  });

  test.each(["/nothing", "/v1", "/v1/models/a/b", "/v1/models/%E0%A4%A", "/V1/models", "//", "/health//"])(
    "GET %s is a 404 in OpenAI's shape",
    async (path) => {
      const response = await serve().send(path);
      expect(response.status).toBe(404);
      expect(await errorOf(response)).toMatchObject({ type: "invalid_request_error", message: expect.any(String) });
    },
  );

  test.each([
    ["POST", "/chat/completions"],
    ["POST", "/v1/v1/chat/completions"],
    ["GET", "/models"],
  ])("%s %s, from a wrong base URL, is told so", async (method, path) => {
    const response = await serve().send(path, { method });
    expect(response.status).toBe(404);
    expect((await errorOf(response)).message).toContain("/v1");
  });

  test.each(["/v1/embeddings", "/v1/completions"])("%s is a 404 with the reason", async (path) => {
    const response = await serve().send(path, { method: "POST", body: "{}" });
    expect(response.status).toBe(404);
    expect((await errorOf(response)).message).toContain(path);
  });

  test("OPTIONS says what a path takes, and grants nothing to other origins", async () => {
    const response = await serve().send("/v1/chat/completions", { method: "OPTIONS" });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "OPTIONS, POST"]);
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect((await serve().send("/nothing", { method: "OPTIONS" })).status).toBe(404);
  });

  test("works for a host name of one letter", async () => {
    const { app } = serve({ env: { OCP_ALLOWED_HOSTS: "x" } });
    expect((await app.handle(new Request("http://x/v1/models"))).status).toBe(200);
  });

  test("HEAD / says that a server is here, and GET / where to go", async () => {
    const { send } = serve();
    const head = await send("/", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(await (await send("/")).text()).toContain("/swagger");
  });
});

describe("the request id", () => {
  test("is on every response, and on one line of the log", async () => {
    const served = serve();
    const { send, chat } = served;
    const responses = [
      await send("/", { method: "HEAD" }),
      await send("/nothing?api_key=secret"),
      await send("/v1/models", { method: "POST" }),
      await send("/v1/models", { method: "OPTIONS" }),
      await send("/swagger/ui.css"),
      await send("/v1/chat/completions", { method: "POST", body: "{" }),
      await chat(hello),
      await chat(helloStream),
    ];
    for (const response of responses) await response.text();
    const ids = responses.map((response) => response.headers.get("x-request-id"));
    for (const id of ids) expect(id).toMatch(/^req_[A-Za-z0-9]+$/);
    expect(new Set(ids).size).toBe(ids.length);
    expect(served.requests().map((line) => line.requestId)).toEqual(ids);
    expect(served.requests().map((line) => [line.path, line.status, line.outcome])).toEqual([
      ["/", 200, "ok"],
      ["/nothing", 404, "not_found"],
      ["/v1/models", 405, "method_not_allowed"],
      ["/v1/models", 204, "ok"],
      ["/swagger/ui.css", 200, "ok"],
      ["/v1/chat/completions", 400, "invalid_request"],
      ["/v1/chat/completions", 200, "ok"],
      ["/v1/chat/completions", 200, "ok"],
    ]);
    expect(JSON.stringify(served.lines)).not.toContain("secret");
  });

  test("is the server's own, whatever the client sends", async () => {
    const response = await serve().send("/", { headers: { "x-request-id": "mine" } });
    expect(response.headers.get("x-request-id")).toStartWith("req_");
  });

  test("of a stream is logged at its end, with how it ended", async () => {
    const served = serve();
    const response = await served.chat(helloStream);
    expect(served.lines).toEqual([]);
    await response.text();
    expect(served.lines).toEqual([
      {
        level: "info",
        message: "request",
        fields: {
          requestId: response.headers.get("x-request-id"),
          method: "POST",
          path: "/v1/chat/completions",
          status: 200,
          ms: expect.any(Number),
          principal: "remote",
          address: null,
          model: "claude-sonnet-5-5",
          process: "new",
          reason: "new",
          outcome: "ok",
        },
      },
    ]);
  });

  test("comes with no prompt in the log, not even of a refused request", async () => {
    const served = serve({ script: fails(new OcpError("upstream_failed", "Failed.")) });
    await served.chat({ messages: [{ role: "user", content: "my-secret" }] });
    await served.chat({ messages: [{ role: "my-secret", content: "my-secret" }] });
    expect(served.requests()).toHaveLength(2);
    expect(JSON.stringify(served.lines)).not.toContain("my-secret");
  });
});

describe("GET /v1/models", () => {
  test("speaks OpenAI's shape", async () => {
    const list = (await (await serve().send("/v1/models")).json()) as { object: string; data: { id: string }[] };
    expect(list.object).toBe("list");
    expect(list.data.map(({ id }) => id)).toContain("claude-sonnet-5-5");
    expect(list.data.map(({ id }) => id)).not.toContain("sonnet");
    expect(await (await serve().send("/v1/models/sonnet")).json()).toMatchObject({
      id: "claude-sonnet-5-5",
      object: "model",
    });
  });

  test("speaks Anthropic's to who says anthropic-version", async () => {
    const headers = { "anthropic-version": "2023-06-01" };
    const { send } = serve();
    const page = await (await send("/v1/models?limit=1", { headers })).json();
    expect(page).toMatchObject({ data: [{ type: "model", id: expect.any(String) }], has_more: true });
    expect(page).not.toHaveProperty("object");
    expect((await send("/v1/models?limit=0", { headers })).status).toBe(400);
    expect((await send("/v1/models?limit=1&limit=2", { headers })).status).toBeLessThan(500);
    expect(await (await send("/v1/models/opus", { headers })).json()).toMatchObject({ type: "model" });
  });

  test.each(["gpt-5", "constructor", "__proto__", ""])("has no model %p", async (name) => {
    const response = await serve().send(`/v1/models/${encodeURIComponent(name)}x`);
    expect([response.status, (await errorOf(response)).code]).toEqual([404, "model_not_found"]);
  });
});

describe("GET /health", () => {
  const missing = {
    cli: { path: null, version: null, problem: "No claude CLI was found." },
    login: { ...healthy.login, state: "missing" as const, source: null, problem: "Not logged in." },
  };

  async function healthOver(served: ReturnType<typeof serve>, headers: Record<string, string> = {}) {
    await using server = served.listen();
    return (await (await fetch(`${server.url}/health`, { headers })).json()) as Record<string, unknown>;
  }

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ["programs on its own machine", {}, {}],
    ["them also where the network can come in", { CLAUDE_BIND: "0.0.0.0" }, {}],
    ["them also where a key is wanted", { CLAUDE_AUTH_MODE: "multi" }, {}],
    ["the admin from anywhere", {}, { "x-real-ip": "10.0.0.9", authorization: `Bearer ${adminKey}` }],
  ])("tells %s everything", async (_name, env, headers) => {
    const served = serve({ env: { OCP_INSTANCE_NAME: "attic", CLAUDE_MAX_CONCURRENT: "3", ...env } });
    await served.send("/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify(hello),
      headers: { authorization: `Bearer ${adminKey}` },
    });
    expect(await healthOver(served, headers)).toMatchObject({
      status: "ok",
      version: "1.2.3",
      advice: [],
      uptime: 0,
      uptimeHuman: "0s",
      claudeBinary: "/opt/claude",
      claudeBinaryOk: true,
      authMode: env.CLAUDE_AUTH_MODE ?? "none",
      anonymousKey: null,
      auth: { ok: true, state: "ok" },
      instanceName: "attic",
      config: { timeout: 600_000, maxConcurrent: 3, systemPrompt: "(none)" },
      stats: { totalRequests: 1, activeRequests: 0, errors: 0, timeouts: 0, queued: 0, queueRejections: 0 },
      spawn: { mode: "isolated-scratch-home", isolated: true },
      concurrency: { maxConcurrent: 3, maxQueue: 16, inflight: 0, queued: 0, queueRejections: 0 },
    });
  });

  test.each<[string, Parameters<typeof serve>[0], Record<string, string>]>([
    ["a caller through a proxy", {}, { "x-forwarded-for": "10.0.0.9" }],
    ["a caller through a proxy with a key", { env: shared }, { "x-real-ip": "10.0.0.9", ...right }],
    ["a caller on a machine that is not trusted", { env: { OCP_TRUST_LOOPBACK: "0" } }, {}],
    ["a caller through a proxy with a wrong key", { env: shared }, { via: "1.1 proxy", authorization: "Bearer x" }],
  ])("tells %s no more than the state, the version and the mode", async (_name, options, headers) => {
    const health = await healthOver(serve({ ...options, status: missing }), headers);
    expect(Object.keys(health).sort()).toEqual(["authMode", "status", "version"]);
    expect(health.status).toBe("degraded");
  });

  test("shows the key for guests to programs on its own machine, and to all only if it may", async () => {
    const guests = { PROXY_ANONYMOUS_KEY: "for-guests-alone", CLAUDE_AUTH_MODE: "multi" };
    const far = { "x-real-ip": "10.0.0.9" };
    expect(await healthOver(serve({ env: guests }))).toMatchObject({ anonymousKey: "for-guests-alone" });
    expect(await healthOver(serve({ env: guests }), far)).not.toHaveProperty("anonymousKey");
    const advertised = { ...guests, PROXY_ADVERTISE_ANON_KEY: "1" };
    expect(await healthOver(serve({ env: advertised }), far)).toEqual({
      status: "ok",
      version: "1.2.3",
      authMode: "multi",
      anonymousKey: "for-guests-alone",
    });
  });

  test("is degraded, and says what to do, when claude is missing and not logged in", async () => {
    const health = await healthOver(serve({ status: missing }));
    expect(health).toMatchObject({
      status: "degraded",
      claudeBinaryOk: false,
      auth: { ok: false, message: "Not logged in." },
      advice: [expect.stringContaining("CLAUDE_BIN"), expect.stringContaining("log in")],
    });
  });

  test("says when the answers are simulated", async () => {
    expect(await healthOver(serve({ status: { simulated: true } }))).toMatchObject({ simulated: true });
    expect(await healthOver(serve())).not.toHaveProperty("simulated");
  });

  test("counts failures and timeouts, but not clients that leave", async () => {
    const served = serve({ script: fails(new OcpError("timeout", "Too long.")) });
    await served.chat(hello);
    await served.chat(hello, { signal: AbortSignal.abort() }).catch(() => {});
    expect(await healthOver(served)).toMatchObject({ stats: { errors: 1, timeouts: 1, activeRequests: 0 } });
  });
});
