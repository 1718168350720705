/** `/api/keys`: what the administrator can do with keys and quotas, and what is refused. */

import { describe, expect, test } from "bun:test";
import { adminKey, blockStart, errorOf, hello, helloStream, type Script, says, serve, start } from "./served.ts";

const day = 86_400_000;
const none = { limit: null, used: 0 };
const unlimited = { daily: none, weekly: none, monthly: none };

function administered(options: Parameters<typeof serve>[0] = {}) {
  const served = serve({ ...options, env: { CLAUDE_AUTH_MODE: "multi", ...options.env } });
  const call = (method: string, path: string, body?: unknown) =>
    served.send(path, {
      method,
      headers: { authorization: `Bearer ${adminKey}` },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  return {
    ...served,
    call,
    async create(name: string, more: object = {}): Promise<{ id: number; key: string; name: string }> {
      const response = await call("POST", "/api/keys", { name, ...more });
      expect(response.status).toBe(201);
      return (await response.json()) as any;
    },
    list: async () => ((await (await call("GET", "/api/keys")).json()) as { keys: any[] }).keys,
    ask: (key: string, body: object = hello) => served.chat(body, { headers: { authorization: `Bearer ${key}` } }),
  };
}

describe("creating a key", () => {
  test("tells its secret once, and it works", async () => {
    const { create, list, ask, lines } = administered();
    const created = await create("laptop");
    expect(created).toEqual({ id: 1, key: expect.stringMatching(/^ocp_[A-Za-z0-9_-]{32}$/), name: "laptop" });
    expect((await ask(created.key)).status).toBe(200);
    const [key] = await list();
    expect(key).toEqual({
      id: 1,
      keyPreview: `${created.key.slice(0, 8)}...${created.key.slice(-4)}`,
      name: "laptop",
      created_at: "2026-01-02T03:04:05.000Z",
      expires_at: null,
      revoked: false,
      revoked_at: null,
      quota_daily: null,
      quota_weekly: null,
      quota_monthly: null,
      quota_tokens_daily: null,
      quota_tokens_weekly: null,
      quota_tokens_monthly: null,
      used: {
        daily: { requests: 1, tokens: 5 },
        weekly: { requests: 1, tokens: 5 },
        monthly: { requests: 1, tokens: 5 },
      },
    });
    expect(JSON.stringify([await list(), lines])).not.toContain(created.key);
  });

  test("names it by the time if nobody does", async () => {
    const served = administered();
    await using server = served.listen();
    const names: string[] = [];
    for (const body of [undefined, "", "{}"]) {
      const headers = { authorization: `Bearer ${adminKey}` };
      const init = { method: "POST", headers, ...(body === undefined ? {} : { body }) };
      names.push(((await (await fetch(`${server.url}/api/keys`, init)).json()) as any).name);
    }
    const at = Date.UTC(2026, 0, 2, 3, 4, 5);
    expect(names).toEqual([`key-${at}`, `key-${at + 1}`, `key-${at + 2}`]);
  });

  test("can set its end and its limits at once", async () => {
    const { create, list } = administered();
    await create("tablet", { expiresAt: "2026-02-01", daily: 5, weekly: null, tokens: { monthly: 1_000 } });
    expect(await list()).toMatchObject([
      { expires_at: "2026-02-01T00:00:00.000Z", quota_daily: 5, quota_weekly: null, quota_tokens_monthly: 1_000 },
    ]);
  });

  test.each(["a", "a-b_c.d 1", "x".repeat(64), "..a", "007"])("%p is a name", async (name) => {
    const { create, call } = administered();
    await create(name);
    expect((await call("GET", `/api/keys/${encodeURIComponent(name)}/quota`)).status).toBe(200);
  });

  const unusable = [
    ...["", " ", " a", "a ", ".", "..", "x".repeat(65), "a/b", "a\nb", "é", "a\u0000", "a%20b", "a\\b", "a;b"],
    ...["<img src=x onerror=alert(1)>", "a'b", 'a"b', "$" + "{x}"],
    ...[5, null, true, ["a"], {}],
  ];
  test.each(unusable.map((name) => ({ name })))("%j is no name", async ({ name }) => {
    const { call, list } = administered();
    const response = await call("POST", "/api/keys", { name });
    expect([response.status, (await errorOf(response)).param]).toEqual([400, "name"]);
    expect(await list()).toEqual([]);
  });

  test("is refused for a name that another key has, until that one is revoked", async () => {
    const { create, call, list } = administered();
    await create("laptop");
    const taken = await call("POST", "/api/keys", { name: "laptop" });
    expect([taken.status, (await errorOf(taken)).message]).toEqual([409, expect.stringContaining("laptop")]);
    await call("DELETE", "/api/keys/laptop");
    expect(await create("laptop")).toMatchObject({ id: 2 });
    expect((await list()).map(({ id, revoked }) => [id, revoked])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  test.each<[unknown, number, string | null]>([
    ["[]", 400, null],
    ["null", 400, null],
    ["5", 400, null],
    ['"laptop"', 400, null],
    ["{", 400, null],
    [{ nmae: "laptop" }, 400, "nmae"],
    [{ name: "laptop", quota: {} }, 400, "quota"],
    [JSON.stringify({ name: "laptop", pad: "x".repeat(10_000) }), 413, null],
    [{ name: "laptop", expiresAt: "tomorrow" }, 400, "expiresAt"],
    [{ name: "laptop", expiresAt: "2027-02-30" }, 400, "expiresAt"],
    [{ name: "laptop", expiresAt: "2027-01-01T00:00" }, 400, "expiresAt"],
    [{ name: "laptop", expiresAt: "2026-01-02T03:04:05Z" }, 400, "expiresAt"],
    [{ name: "laptop", expiresAt: 1_900_000_000_000 }, 400, "expiresAt"],
    [{ name: "laptop", daily: -1 }, 400, "daily"],
    [{ name: "laptop", daily: 1.5 }, 400, "daily"],
    [{ name: "laptop", weekly: "5" }, 400, "weekly"],
    [{ name: "laptop", monthly: 2 ** 53 }, 400, "monthly"],
    [{ name: "laptop", tokens: 5 }, 400, "tokens"],
    [{ name: "laptop", tokens: [] }, 400, "tokens"],
    [{ name: "laptop", tokens: { daily: true } }, 400, "tokens.daily"],
    [{ name: "laptop", tokens: { yearly: 5 } }, 400, "tokens.yearly"],
  ])("%j is refused", async (body, status, param) => {
    const { call, list } = administered();
    const response = await call("POST", "/api/keys", body);
    expect([response.status, (await errorOf(response)).param]).toEqual([status, param]);
    expect(await list()).toEqual([]);
  });
});

describe("a key", () => {
  test("is renamed, and keeps its secret, its quota and what it has used", async () => {
    const { create, call, ask, rows } = administered();
    const { key } = await create("laptop", { daily: 3 });
    await ask(key);
    const renamed = await call("PATCH", "/api/keys/laptop", { name: "desk" });
    expect([renamed.status, await renamed.json()]).toMatchObject([
      200,
      { key: { id: 1, name: "desk", quota_daily: 3 } },
    ]);
    await ask(key);
    expect(rows().map((row) => [row.principalId, row.name])).toEqual([
      ["key-1", "laptop"],
      ["key-1", "desk"],
    ]);
    expect((await call("GET", "/api/keys/laptop")).status).toBe(404);
    expect(await (await call("GET", "/api/keys/desk")).json()).toMatchObject({ key: { id: 1 } });
  });

  test("cannot take another's name, and may be given its own", async () => {
    const { create, call } = administered();
    await create("laptop");
    await create("phone");
    expect((await call("PATCH", "/api/keys/phone", { name: "laptop" })).status).toBe(409);
    expect((await call("PATCH", "/api/keys/phone", { name: "phone" })).status).toBe(200);
  });

  test("ends at its time, and not any more when that is taken back", async () => {
    const { create, call, ask, pass } = administered();
    const { key } = await create("laptop");
    const end = "2026-01-03T03:04:05Z";
    expect(await (await call("PATCH", "/api/keys/1", { expiresAt: end })).json()).toMatchObject({
      key: { expires_at: "2026-01-03T03:04:05.000Z" },
    });
    pass(day - 1);
    expect((await ask(key)).status).toBe(200);
    pass(1);
    expect((await ask(key)).status).toBe(401);
    await call("PATCH", "/api/keys/1", { expiresAt: null });
    expect((await ask(key)).status).toBe(200);
  });

  test("that is rotated has a new secret, and the old one is void at once", async () => {
    const { create, call, ask, list } = administered();
    const { key } = await create("laptop", { daily: 5 });
    const response = await call("POST", "/api/keys/laptop/rotate");
    const rotated = (await response.json()) as { id: number; key: string; name: string };
    expect(rotated).toEqual({ id: 1, key: expect.stringMatching(/^ocp_/), name: "laptop" });
    expect([(await ask(key)).status, (await ask(rotated.key)).status]).toEqual([401, 200]);
    expect(await list()).toMatchObject([
      { keyPreview: `${rotated.key.slice(0, 8)}...${rotated.key.slice(-4)}`, quota_daily: 5 },
    ]);
  });

  test("that is revoked lets nobody in, loses its conversations, and is only shown any more", async () => {
    const cleared: unknown[] = [];
    const { create, call, ask } = administered({
      clearSessions: (who) => {
        cleared.push(who);
        return { ended: 1, forgotten: 0 };
      },
    });
    const { key } = await create("laptop");
    for (const path of ["/api/keys/laptop", "/api/keys/1"]) {
      const response = await call("DELETE", path);
      expect([response.status, await response.json()]).toEqual([
        200,
        { revoked: true, idOrName: path.split("/").at(-1) },
      ]);
    }
    expect(cleared).toEqual(["key-1", "key-1"]);
    expect((await ask(key)).status).toBe(401);
    for (const [method, path, body] of [
      ["PATCH", "/api/keys/1", { name: "again" }],
      ["POST", "/api/keys/1/rotate", undefined],
      ["PATCH", "/api/keys/1/quota", { daily: 1 }],
    ] as const) {
      expect((await call(method, path, body)).status).toBe(409);
    }
    expect((await call("GET", "/api/keys/1/quota")).status).toBe(200);
  });

  test("is revoked alone, also when its name is another's id", async () => {
    const { create, call, list } = administered();
    await create("laptop");
    await create("1");
    await call("DELETE", "/api/keys/1");
    expect((await list()).map(({ name, revoked }) => [name, revoked])).toEqual([
      ["laptop", false],
      ["1", true],
    ]);
  });

  test.each(["nobody", "99", "%E0%A4%A", "constructor", "1%2F..", "0x1", "1e0"])(
    "called %s is not there",
    async (name) => {
      const { create, call } = administered();
      await create("laptop");
      for (const [method, path] of [
        ["PATCH", ""],
        ["DELETE", ""],
        ["POST", "/rotate"],
        ["GET", "/quota"],
        ["PATCH", "/quota"],
      ] as const) {
        const body = path === "/quota" ? { daily: 1 } : { name: "x" };
        const response = await call(method, `/api/keys/${name}${path}`, method === "PATCH" ? body : undefined);
        expect([method, path, response.status]).toEqual([method, path, 404]);
      }
    },
  );

  test.each([{}, { name: null }, { daily: 5 }, { name: "a", key: "ocp_x" }])("is not changed by %j", async (body) => {
    const { create, call, list } = administered();
    await create("laptop");
    expect((await call("PATCH", "/api/keys/laptop", body)).status).toBe(400);
    expect(await list()).toMatchObject([{ name: "laptop", expires_at: null }]);
  });
});

describe("a quota", () => {
  test("answers flat, with the tokens beside", async () => {
    const { create, call } = administered();
    await create("laptop");
    const response = await call("GET", "/api/keys/laptop/quota");
    expect(await response.json()).toEqual({ keyId: 1, ...unlimited, tokens: unlimited });
  });

  test("changes only where it is named, and null lifts", async () => {
    const { create, call } = administered();
    await create("laptop");
    const patch = async (body: object) => (await (await call("PATCH", "/api/keys/laptop/quota", body)).json()) as any;
    expect(await patch({ daily: 5, monthly: 0 })).toEqual({
      ok: true,
      idOrName: "laptop",
      quota: {
        daily: { limit: 5, used: 0 },
        weekly: none,
        monthly: { limit: 0, used: 0 },
        tokens: unlimited,
      },
    });
    expect((await patch({ tokens: { daily: 100 } })).quota).toMatchObject({
      daily: { limit: 5 },
      monthly: { limit: 0 },
      tokens: { daily: { limit: 100 }, weekly: none },
    });
    expect((await patch({ daily: null, tokens: { daily: null } })).quota).toMatchObject({
      daily: none,
      monthly: { limit: 0 },
      tokens: unlimited,
    });
  });

  test.each([
    {},
    { tokens: {} },
    { yearly: 1 },
    { daily: "1" },
    { daily: 1, weekly: -1 },
    { limit: 5 },
    { daily: 1e300 },
  ])("does not change to %j", async (body) => {
    const { create, call } = administered();
    await create("laptop");
    expect((await call("PATCH", "/api/keys/laptop/quota", body)).status).toBe(400);
    expect(await (await call("GET", "/api/keys/laptop/quota")).json()).toMatchObject(unlimited);
  });

  test("of 10 lets exactly 10 of 50 requests through that come at once", async () => {
    const { create, ask, call, store } = administered({ env: { CLAUDE_MAX_CONCURRENT: "4", CLAUDE_MAX_QUEUE: "50" } });
    const { key } = await create("laptop", { daily: 10 });
    const statuses = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const response = await ask(key, i % 2 === 0 ? hello : helloStream);
        await response.text();
        return response.status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
    expect(await (await call("GET", "/api/keys/laptop/quota")).json()).toMatchObject({
      daily: { limit: 10, used: 10 },
    });
    expect(store.usage.used(1, Date.UTC(2026, 0, 2)).daily.requests).toBe(10);
  });

  test("that is used up is a 429 that says of what, how much, and until when", async () => {
    const { create, ask, pass } = administered();
    const { key } = await create("laptop", { weekly: 1 });
    expect((await ask(key)).status).toBe(200);
    const response = await ask(key);
    expect([response.status, response.headers.get("retry-after")]).toEqual([
      429,
      String((2 * day + 75_355_000) / 1000),
    ]);
    expect((await response.json()) as object).toEqual({
      error: {
        message: "This key's weekly quota of 1 requests is used up. It resets in 2d 20h 55m.",
        type: "quota_exceeded",
        param: null,
        code: "quota_exceeded",
        quota: { period: "weekly", unit: "requests", limit: 1, used: 1, resetsIn: "2d 20h 55m" },
      },
    });
    pass(3 * day);
    expect((await ask(key)).status).toBe(200);
  });

  test("counts no request that failed before it was answered, and each that was", async () => {
    let script: Script = says("Hello");
    const { create, ask, call } = administered({ script: (...args) => script(...args) });
    const { key } = await create("laptop", { daily: 2 });
    const used = async () => ((await (await call("GET", "/api/keys/1/quota")).json()) as any).daily.used;
    script = async function* () {
      throw new Error("oops");
      // biome-ignore lint/correctness/noUnreachable: a turn yields.
      yield start;
    };
    for (let i = 0; i < 3; i++) expect((await ask(key)).status).toBe(500);
    expect(await used()).toBe(0);
    script = async function* () {
      yield start;
      yield blockStart;
      yield { type: "delta", index: 0, delta: { type: "text", text: "Hel" } };
      throw new Error("oops");
    };
    await (await ask(key, helloStream)).text();
    expect(await used()).toBe(1);
  });

  test("of tokens is settled with what was really used, and shortens the answers that do not fit", async () => {
    const limits: Array<number | undefined> = [];
    const { create, ask, call } = administered({
      script: async function* (conversation) {
        limits.push(conversation.sampling.maxTokens);
        yield start;
        yield blockStart;
        yield {
          type: "end",
          stop: "end_turn",
          stopSequence: null,
          usage: { input: 100, cacheRead: 1_000, cacheWrite: 200, output: 300, thinking: 250 },
        };
      },
    });
    const { key } = await create("laptop", { tokens: { daily: 3_000 } });
    const first = await ask(key, { ...hello, max_tokens: 4_000 });
    expect([first.status, first.headers.get("x-ocp-output-limit")]).toEqual([200, "750"]);
    const quota = (await (await call("GET", "/api/keys/1/quota")).json()) as any;
    expect([quota.daily.used, quota.tokens.daily]).toEqual([1, { limit: 3_000, used: 1_600 }]);
    expect((await ask(key, { ...hello, max_tokens: 400 })).headers.get("x-ocp-output-limit")).toBeNull();
    const last = await ask(key);
    expect([last.status, ((await last.json()) as any).error.quota]).toMatchObject([
      429,
      { unit: "tokens", limit: 3_000, used: 3_200 },
    ]);
    expect(limits).toEqual([750, 400]);
  });
});

test("what is said of keys and quotas is kept by no cache", async () => {
  const { call, create } = administered();
  await create("laptop");
  for (const path of ["/api/keys", "/api/keys/laptop/quota", "/api/me", "/api/usage"]) {
    expect((await call("GET", path)).headers.get("cache-control")).toBe("no-store");
  }
});
