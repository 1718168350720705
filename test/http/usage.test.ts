/** `/api/usage` and `/api/me`: who sees what, and how what is asked is read. */

import { describe, expect, test } from "bun:test";
import type { UsageRow } from "../../src/core/store.ts";
import { usageRow } from "../store/opened.ts";
import { adminKey, epoch, errorOf, hello, serve } from "./served.ts";

const hour = 3_600_000;

function household() {
  const served = serve({ env: { CLAUDE_AUTH_MODE: "multi" } });
  const [anna, ben] = ["anna", "ben"].map((name) => served.store.keys.create(name, null));
  const row = (who: typeof anna, own: Partial<UsageRow> = {}) =>
    usageRow({
      at: epoch - 1,
      principalId: `key-${who!.key.id}`,
      keyId: who!.key.id,
      name: who!.key.name,
      ...own,
    });
  return {
    ...served,
    anna: anna!,
    ben: ben!,
    record: (who: typeof anna, own?: Partial<UsageRow>) => served.store.usage.record(row(who, own)),
    get: (path: string, key: string) => served.send(path, { headers: { authorization: `Bearer ${key}` } }),
    async usage(key: string, query = ""): Promise<any> {
      const response = await served.send(`/api/usage${query}`, { headers: { authorization: `Bearer ${key}` } });
      expect(response.status).toBe(200);
      return response.json();
    },
  };
}

describe("what is asked beside the sums", () => {
  test("the hours of each model and of each key", async () => {
    const { record, usage, anna, ben } = household();
    record(anna, { at: epoch - 2 * hour, model: "claude-opus-5-5" });
    record(anna, { at: epoch - 1 });
    record(ben, { at: epoch - 1 });
    record(ben, { at: epoch - 1 });
    const subjects = (series: any[]) => series.map(({ subject, requests }) => [subject, requests]);
    expect(subjects((await usage(adminKey, "?all=true&by=model")).series)).toEqual([
      ["claude-opus-5-5", 1],
      ["claude-sonnet-5-5", 3],
    ]);
    const ids = [anna, ben].map(({ key }) => `key-${key.id}`);
    expect(subjects((await usage(adminKey, "?all=true&by=key")).series)).toEqual([
      [ids[0], 1],
      [ids[0], 1],
      [ids[1], 2],
    ]);
    expect(subjects((await usage(ben.secret, "?by=key")).series).map(([, requests]) => requests)).toEqual([2]);
    for (const at of [2, 3, 30]) record(ben, { at: epoch - at * hour });
    const own = (await usage(ben.secret, "?by=key&hours=72")).series;
    expect([...new Set(own.map(({ subject }: any) => subject))]).toEqual([ids[1]]);
    expect(await usage(ben.secret)).not.toHaveProperty("series");
  });

  test("single turns of a model, of a principal, or those that failed, page by page", async () => {
    const { record, usage, anna, ben } = household();
    for (let at = 0; at < 4; at++) {
      record(anna, { requestId: `a${at}`, model: at % 2 ? "claude-opus-5-5" : "claude-sonnet-5-5" });
      record(ben, { requestId: `b${at}`, outcome: at === 3 ? "timeout" : at === 2 ? "client_left" : "ok" });
    }
    const ids = async (key: string, query: string) =>
      (await usage(key, query)).recent.map((row: any) => row.request_id);
    expect(await ids(adminKey, "?all=true&model=claude-opus-5-5")).toEqual(["a3", "a1"]);
    expect(await ids(adminKey, "?all=true&failed=true")).toEqual(["b3"]);
    expect(await ids(adminKey, `?all=true&principal=key-${ben.key.id}&limit=2`)).toEqual(["b3", "b2"]);
    expect(await ids(adminKey, "?all=true&model=nothing")).toEqual([]);
    const first = await usage(adminKey, "?all=true&model=claude-opus-5-5&limit=1");
    expect(await ids(adminKey, `?all=true&model=claude-opus-5-5&before=${first.nextBefore}`)).toEqual(["a1"]);
    // Whose they are is not for others to choose.
    expect(await ids(anna.secret, `?principal=key-${ben.key.id}&failed=true`)).toEqual([]);
  });

  test("how long turns took, of those that a process has answered", async () => {
    const { record, usage, anna } = household();
    expect((await usage(anna.secret)).latency).toEqual({
      turns: 0,
      first: { p50: null, p95: null, p99: null },
      whole: { p50: null, p95: null, p99: null },
    });
    for (let ms = 1; ms <= 100; ms++) record(anna, { firstMs: ms, totalMs: 10 * ms, path: "live" });
    record(anna, { firstMs: 9_999, totalMs: 9_999, path: null, cache: "hit" });
    record(anna, { firstMs: 9_999, totalMs: 9_999, outcome: "timeout" });
    expect((await usage(anna.secret)).latency).toEqual({
      turns: 100,
      first: { p50: 51, p95: 96, p99: 100 },
      whole: { p50: 510, p95: 960, p99: 1_000 },
    });
  });

  test.each(["by=hour", "by=", "failed=1", "by=model&by=key", "model=a&model=b"])("%s is refused", async (query) => {
    const { get, anna } = household();
    expect((await get(`/api/usage?${query}`, anna.secret)).status).toBe(400);
  });
});

describe("one sees", () => {
  test("one's own rows and no others, however few they are among many", async () => {
    const { record, usage, anna, ben } = household();
    record(anna, { requestId: "req_anna" });
    for (let i = 0; i < 60; i++) record(ben, { requestId: `req_ben${i}`, model: "claude-opus-5-5" });
    const seen = await usage(anna.secret);
    expect(seen.scope).toEqual({ self: "anna", all: false });
    expect(seen.byKey.map((row: any) => row.key_name)).toEqual(["anna"]);
    expect(seen.byModel.map((row: any) => row.model)).toEqual(["claude-sonnet-5-5"]);
    expect(seen.recent.map((row: any) => row.request_id)).toEqual(["req_anna"]);
    expect(seen.timeline.map((row: any) => row.requests)).toEqual([1]);
    expect(JSON.stringify(seen)).not.toContain("ben");
  });

  test("everybody's as the administrator who asks for it, which the log tells of", async () => {
    const { record, usage, anna, ben, lines } = household();
    record(anna);
    record(ben);
    expect((await usage(adminKey)).byKey).toEqual([]);
    expect(lines.map((line) => line.message)).not.toContain("everybody's usage was read");
    const seen = await usage(adminKey, "?all=true");
    expect(seen.scope).toEqual({ self: "admin", all: true });
    expect(seen.byKey.map((row: any) => row.key_name).sort()).toEqual(["anna", "ben"]);
    expect(lines).toContainEqual({
      level: "info",
      message: "everybody's usage was read",
      fields: { requestId: expect.any(String), principal: "admin" },
    });
  });

  test("not everybody's with a key of one's own", async () => {
    const { get, anna } = household();
    const response = await get("/api/usage?all=true", anna.secret);
    expect([response.status, (await errorOf(response)).code]).toEqual([403, "forbidden"]);
  });

  test("the sums of all that was asked, with the keys of older versions", async () => {
    const { record, usage, anna } = household();
    const tokens = { input: 10, cacheRead: 200, cacheWrite: 30, output: 4, thinking: 1 };
    record(anna, { at: epoch - 2 * hour, totalMs: 100 });
    record(anna, { at: epoch - 1, totalMs: 301 });
    record(anna, { at: epoch - 1, outcome: "timeout", path: null, totalMs: 9_000, firstMs: null });
    record(anna, { at: epoch - 1, cache: "hit", path: null, tokens: { ...tokens, input: 0 }, totalMs: 4 });
    const seen = await usage(anna.secret);
    const sums = {
      requests: 4,
      successes: 3,
      errors: 1,
      cached: 1,
      tokens: { input: 30, cache_read: 800, cache_write: 120, output: 16, thinking: 4 },
      total_prompt_chars: 2_000,
      total_response_chars: 80,
      total_elapsed_ms: 405,
      avg_elapsed_ms: 135,
      max_elapsed_ms: 301,
    };
    expect(seen.byKey).toEqual([
      {
        key_name: "anna",
        principal: "key-1",
        ...sums,
        first_request: "2026-01-02T01:04:05.000Z",
        last_request: "2026-01-02T03:04:04.999Z",
      },
    ]);
    expect(seen.byModel).toEqual([{ model: "claude-sonnet-5-5", ...sums }]);
    expect(seen.timeline.map((one: any) => [one.hour, one.requests, one.avg_elapsed_ms])).toEqual([
      ["2026-01-02T01:00:00.000Z", 1, 100],
      ["2026-01-02T03:00:00.000Z", 3, 153],
    ]);
    expect(seen.recent.at(-1)).toEqual({
      id: 1,
      key_name: "anna",
      model: "claude-sonnet-5-5",
      prompt_chars: 500,
      response_chars: 20,
      elapsed_ms: 100,
      success: true,
      created_at: "2026-01-02T01:04:05.000Z",
      principal: "key-1",
      request_id: "req_1",
      dialect: "chat",
      outcome: "ok",
      path: "live",
      reason: null,
      cache: "off",
      queued_ms: 1,
      first_ms: 40,
      tokens: { input: 10, cache_read: 200, cache_write: 30, output: 4, thinking: 1 },
    });
  });

  test("one's history page by page", async () => {
    const { record, usage, anna, ben } = household();
    for (let i = 1; i <= 7; i++) {
      record(anna, { at: epoch - 100 + i, requestId: `req_${i}` });
      record(ben, { at: epoch - 100 + i });
    }
    const pages: string[][] = [];
    let before = "";
    for (;;) {
      const { recent, nextBefore } = await usage(anna.secret, `?limit=3${before}`);
      pages.push(recent.map((row: any) => row.request_id));
      if (nextBefore === null) break;
      before = `&before=${nextBefore}`;
    }
    expect(pages).toEqual([["req_7", "req_6", "req_5"], ["req_4", "req_3", "req_2"], ["req_1"]]);
  });
});

describe("the time that is asked for", () => {
  test.each([
    ["", [1, 23]],
    ["?hours=1", [1]],
    ["?hours=24", [1, 23]],
    ["?hours=720", [1, 23, 25, 719]],
    ["?since=2026-01-02", [1]],
    ["?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z", [23, 25]],
    ["?until=2026-01-02T00:00:00%2B00:00&hours=30", [23, 25]],
    ["?since=2025-12-03T04:00:00%2B01:00&limit=500", [1, 23, 25, 719]],
  ])("is %p", async (query, hoursAgo) => {
    const { record, usage, anna } = household();
    for (const ago of [1, 23, 25, 719, 721]) record(anna, { at: epoch - ago * hour + 1, requestId: `${ago}` });
    const { recent, byKey } = await usage(anna.secret, query);
    expect(recent.map((row: any) => Number(row.request_id))).toEqual(hoursAgo);
    expect(byKey[0]?.requests ?? 0).toBe(hoursAgo.length);
  });

  test("holds what was asked in this very moment", async () => {
    const { chat, usage, anna } = household();
    await chat(hello, { headers: { authorization: `Bearer ${anna.secret}` } });
    expect((await usage(anna.secret)).recent).toHaveLength(1);
  });

  test.each([
    ["hours=0", "hours"],
    ["hours=721", "hours"],
    ["hours=1.5", "hours"],
    ["hours=", "hours"],
    ["hours=%", "hours"],
    ["hours=1&hours=2", "hours"],
    ["hours=1&since=2026-01-01", "hours"],
    ["limit=0", "limit"],
    ["limit=501", "limit"],
    ["limit=NaN", "limit"],
    ["before=0", "before"],
    ["before=-1", "before"],
    ["since=yesterday", "since"],
    ["since=2026-02-30", "since"],
    ["since=2026-01-01%2012:00:00", "since"],
    ["since=2027-01-01", "since"],
    ["since=2026-01-02&until=2026-01-01", "since"],
    ["until=1735689600000", "until"],
    ["all=1", "all"],
    ["all=TRUE", "all"],
  ])("%s is refused with a sentence, and nothing is put in its place", async (query, param) => {
    const { get } = household();
    const response = await get(`/api/usage?${query}`, adminKey);
    const error = await errorOf(response);
    expect([response.status, error.param]).toEqual([400, param]);
    expect(error.message).toStartWith(`\`${param}\` `);
  });
});

describe("GET /api/me", () => {
  test("tells a key who it is, what is left to it, and what it has used today", async () => {
    const { get, chat, store, anna, record } = household();
    store.keys.setLimits(anna.key.id, "requests", { daily: 3 });
    store.keys.setLimits(anna.key.id, "tokens", { monthly: 9_000 });
    record(anna, { at: epoch - 24 * hour });
    await chat(hello, { headers: { authorization: `Bearer ${anna.secret}` } });
    const me = (await (await get("/api/me", anna.secret)).json()) as any;
    expect(me).toMatchObject({
      principal: "key-1",
      name: "anna",
      role: "user",
      expiresAt: null,
      quota: {
        daily: { limit: 3, used: 1, resetsAt: "2026-01-03T00:00:00.000Z" },
        weekly: { limit: null, used: 2, resetsAt: "2026-01-05T00:00:00.000Z" },
        monthly: { limit: null, used: 2, resetsAt: "2026-02-01T00:00:00.000Z" },
        tokens: { monthly: { limit: 9_000, used: 249 }, daily: { limit: null, used: 5 } },
      },
      today: {
        requests: 1,
        successes: 1,
        tokens: { input: 3, output: 2 },
        byModel: [{ model: "claude-sonnet-5-5", requests: 1 }],
      },
    });
    expect(JSON.stringify(me)).not.toContain("ben");
    expect(JSON.stringify(me)).not.toContain(anna.secret);
  });

  test("tells whoever has no quota so", async () => {
    const { get } = household();
    expect(await (await get("/api/me", adminKey)).json()).toMatchObject({
      principal: "admin",
      role: "admin",
      quota: null,
      today: { requests: 0, byModel: [] },
    });
  });
});
