/** Who sees the live conversations, and who ends them. */

import { describe, expect, test } from "bun:test";
import type { SessionInfo } from "../../src/core/ports.ts";
import { adminKey, serve } from "./served.ts";

const session = (id: string, principalId: string): SessionInfo => ({
  id,
  pid: 4242,
  principalId,
  model: "claude-sonnet-5-5",
  state: "idle",
  reason: null,
  messages: 2,
  turns: 1,
  usage: { input: 10, cacheRead: 80, cacheWrite: 10, output: 5 },
  rebuilds: {},
  since: 1_000,
  usedAt: 2_000,
});

/** A server on which a laptop, a phone whose key was revoked, and a program on this machine have a session each. */
function withSessions() {
  const cleared: Array<string | undefined> = [];
  const all: SessionInfo[] = [session("s1", "key-1"), session("s2", "key-2"), session("s3", "local")];
  const served = serve({
    env: { CLAUDE_AUTH_MODE: "multi", PROXY_ANONYMOUS_KEY: "for-guests-alone" },
    sessions: (who) => all.filter(({ principalId }) => who === undefined || who === principalId),
    clearSessions: (who) => {
      cleared.push(who);
      return { ended: 1, forgotten: 0 };
    },
  });
  const { keys } = served.store;
  const laptop = keys.create("laptop", null).secret;
  keys.revoke(keys.create("phone", null).key.id);
  const ask = (key: string, method = "GET") =>
    served.send("/sessions", { method, headers: { authorization: `Bearer ${key}` } });
  return { ask, cleared, laptop };
}

describe("conversations with a process", () => {
  test("are seen and ended by those whose they are", async () => {
    const { ask, cleared, laptop } = withSessions();
    const list = (await (await ask(laptop)).json()) as any;
    expect(list.sessions).toMatchObject([{ id: "s1", state: "idle", createdAt: "1970-01-01T00:00:01.000Z" }]);
    expect(JSON.stringify(list)).not.toContain("principal");
    expect(await (await ask(laptop, "DELETE")).json()).toEqual({ cleared: 1, forgotten: 0 });
    expect(cleared).toEqual(["key-1"]);
  });

  test("are all seen and ended by the admin, with whose each is", async () => {
    const { ask, cleared } = withSessions();
    const list = (await (await ask(adminKey)).json()) as any;
    expect(list.sessions.map(({ id, principal }: any) => [id, principal])).toEqual([
      ["s1", "laptop"],
      ["s2", "phone"],
      ["s3", "local"],
    ]);
    await ask(adminKey, "DELETE");
    expect(cleared).toEqual([undefined]);
  });

  test("are no guest's", async () => {
    const { ask, cleared } = withSessions();
    for (const method of ["GET", "DELETE"]) expect((await ask("for-guests-alone", method)).status).toBe(403);
    expect(cleared).toEqual([]);
  });
});

describe("a conversation that hibernates", () => {
  const hibernated: SessionInfo = {
    ...session("s4", "local"),
    pid: null,
    state: "hibernated",
    reason: "evicted",
    rebuilds: { evicted: 2, tools: 1 },
  };

  test("is listed without a process, with why it ended, its tokens, its cache hits and its rebuilds", async () => {
    const { send } = serve({ sessions: () => [session("s3", "local"), hibernated] });
    const list = (await (await send("/sessions", { headers: { authorization: `Bearer ${adminKey}` } })).json()) as any;
    expect(list.sessions).toEqual([
      {
        id: "s3",
        principal: "local",
        pid: 4242,
        model: "claude-sonnet-5-5",
        state: "idle",
        ended: null,
        messages: 2,
        turns: 1,
        tokens: { input: 10, cache_read: 80, cache_write: 10, output: 5 },
        cacheHit: 0.8,
        rebuilds: {},
        createdAt: "1970-01-01T00:00:01.000Z",
        lastUsedAt: "1970-01-01T00:00:02.000Z",
      },
      expect.objectContaining({
        id: "s4",
        pid: null,
        state: "hibernated",
        ended: "evicted",
        rebuilds: { evicted: 2, tools: 1 },
      }),
    ]);
  });

  test("has no share of cache hits before its first input", async () => {
    const usage = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0 };
    const { send } = serve({ sessions: () => [{ ...hibernated, usage }] });
    const list = (await (await send("/sessions", { headers: { authorization: `Bearer ${adminKey}` } })).json()) as any;
    expect(list.sessions).toMatchObject([{ cacheHit: null }]);
  });

  test("is counted apart from the processes when all are cleared", async () => {
    const { send } = serve({ clearSessions: () => ({ ended: 2, forgotten: 3 }) });
    const init = { method: "DELETE", headers: { authorization: `Bearer ${adminKey}` } };
    expect(await (await send("/sessions", init)).json()).toEqual({ cleared: 2, forgotten: 3 });
  });
});

describe("the metrics", () => {
  const env = { PROXY_API_KEY: "open-sesame", OCP_METRICS_KEY: "for-figures-alone" };
  const get = async (path: string, key: string) => {
    const response = await serve({ env }).send(path, { headers: { authorization: `Bearer ${key}` } });
    return { status: response.status, hasFigures: (await response.text()).includes("ocp_turns") };
  };

  test("are shown to who has the key for them, or the admin's, and to nobody else", async () => {
    expect(await get("/metrics", "for-figures-alone")).toEqual({ status: 200, hasFigures: true });
    expect(await get("/metrics", adminKey)).toEqual({ status: 200, hasFigures: true });
    expect(await get("/metrics", "open-sesame")).toEqual({ status: 403, hasFigures: false });
  });

  test("are all that their key opens", async () => {
    for (const path of ["/v1/models", "/sessions", "/settings"]) {
      expect(await get(path, "for-figures-alone")).toEqual({ status: 401, hasFigures: false });
    }
  });
});
