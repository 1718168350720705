/** Usage: what is recorded is reported, exactly, for any stretch of time; and what is charged. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { CountedTurns, Store, UsageQuery, UsageRow, UsageSums } from "../../src/core/store.ts";
import { epoch, type Opened, openTemp, usageRow } from "./opened.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const ever: UsageQuery = { since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null };

/** Numbers from 0 to 1 that are the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Rows of five principals and three models in the hours around the epoch, in no order of time. */
function randomRows(count: number): UsageRow[] {
  const random = seeded(7);
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(random() * values.length)]!;
  return Array.from({ length: count }, (_, at) => {
    const keyId = pick([1, 2, 3, null, null]);
    const principalId = keyId === null ? pick(["local", "shared"]) : `key-${keyId}`;
    return usageRow({
      // Often on the very hour.
      at: epoch - 30 * minute + Math.floor(random() * 5) * hour + pick([0, 0, 1, Math.floor(random() * hour)]),
      requestId: `req_${at}`,
      principalId,
      keyId,
      name: principalId,
      model: pick(["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"]),
      tokens: {
        input: Math.floor(random() * 100),
        cacheRead: Math.floor(random() * 1e6),
        cacheWrite: Math.floor(random() * 1000),
        output: Math.floor(random() * 50),
        thinking: Math.floor(random() * 5),
      },
      promptChars: Math.floor(random() * 1e5),
      answerChars: Math.floor(random() * 1000),
      totalMs: Math.floor(random() * 1e4),
      outcome: pick(["ok", "ok", "ok", "client_left", "timeout", "upstream_failed"]),
      cache: pick(["off", "miss", "bypass", "hit", "follower"]),
    });
  });
}

/** The sums, added up by hand. */
function sumsOf(rows: readonly UsageRow[]): UsageSums {
  const add = (value: (row: UsageRow) => number) => rows.reduce((sum, row) => sum + value(row), 0);
  const ok = rows.filter(({ outcome }) => outcome === "ok");
  return {
    requests: rows.length,
    ok: ok.length,
    errors: rows.filter(({ outcome }) => outcome !== "ok" && outcome !== "client_left").length,
    cached: rows.filter(({ cache }) => cache === "hit" || cache === "follower").length,
    tokens: {
      input: add(({ tokens }) => tokens.input),
      cacheRead: add(({ tokens }) => tokens.cacheRead),
      cacheWrite: add(({ tokens }) => tokens.cacheWrite),
      output: add(({ tokens }) => tokens.output),
      thinking: add(({ tokens }) => tokens.thinking),
    },
    promptChars: add(({ promptChars }) => promptChars),
    answerChars: add(({ answerChars }) => answerChars),
    totalMs: ok.reduce((sum, { totalMs }) => sum + totalMs, 0),
    maxMs: Math.max(0, ...ok.map(({ totalMs }) => totalMs)),
  };
}

function grouped<Key>(rows: readonly UsageRow[], keyOf: (row: UsageRow) => Key): Map<Key, UsageRow[]> {
  return Map.groupBy(rows, keyOf);
}

const byKey = <Row>(rows: readonly Row[], key: (row: Row) => string | number) =>
  new Map(rows.map((row) => [key(row), row]));

test("a row comes back as it was recorded, its times in whole ms", async () => {
  await using opened = await openTemp();
  const row = usageRow({ path: "resumed", reason: "evicted", queuedMs: 0.4, firstMs: 39.5, totalMs: 300.49 });
  opened.store.usage.record(row);
  opened.store.usage.record(usageRow({ firstMs: null, path: null, outcome: "plan_limit", dialect: "messages" }));
  expect(opened.reopen().usage.recent(ever, 10)).toEqual([
    { ...usageRow({ firstMs: null, path: null, outcome: "plan_limit", dialect: "messages" }), id: 2 },
    { ...row, queuedMs: 0, firstMs: 40, totalMs: 300, id: 1 },
  ]);
});

test("nothing was used at first", async () => {
  await using opened = await openTemp();
  const { usage } = opened.store;
  expect([usage.byPrincipal(ever), usage.byModel(ever), usage.timeline(ever), usage.recent(ever, 9)]).toEqual([
    [],
    [],
    [],
    [],
  ]);
  expect(usage.byPrincipal({ ...ever, principalId: "local" })).toEqual([]);
  expect(usage.used(1, epoch).daily).toEqual({ requests: 0, tokens: 0 });
});

describe("reports", () => {
  const rows = randomRows(600);
  const stretches: Array<{ what: string; since: number; until: number }> = [
    { what: "everything", since: 0, until: Number.MAX_SAFE_INTEGER },
    { what: "everything, without bounds", since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY },
    { what: "whole hours", since: epoch + 30 * minute, until: epoch + 2 * hour + 30 * minute },
    { what: "cut hours", since: epoch - 7 * minute, until: epoch + 3 * hour + 1 },
    { what: "less than an hour, in one", since: epoch + 1, until: epoch + 20 * minute },
    { what: "less than an hour, over two", since: epoch + 10 * minute, until: epoch + 50 * minute },
    { what: "a moment", since: epoch + 30 * minute, until: epoch + 30 * minute + 1 },
    { what: "nothing", since: epoch, until: epoch },
    { what: "less than nothing", since: epoch + 2 * hour, until: epoch },
    { what: "what is to come", since: epoch + 9 * hour, until: epoch + 10 * hour },
  ];
  const cases = stretches.flatMap((stretch) => [null, "key-2", "local"].map((who) => ({ ...stretch, who })));

  let filled: Opened;

  beforeAll(async () => {
    filled = await openTemp();
    for (const name of ["laptop", "phone", "desk"]) filled.store.keys.create(name, null);
    for (const row of rows) filled.store.usage.record(row);
  });

  afterAll(() => filled[Symbol.asyncDispose]());

  test.each(cases)("of $what, for $who, are what the rows add up to", ({ since, until, who: principalId }) => {
    const { usage } = filled.store;
    const query = { since, until, principalId };
    const wanted = rows.filter(
      (row) => row.at >= since && row.at < until && (principalId === null || row.principalId === principalId),
    );
    const names: Record<string, string> = { "key-1": "laptop", "key-2": "phone", "key-3": "desk" };

    const principals = grouped(wanted, (row) => row.principalId);
    const expectedPrincipals = [...principals].map(([id, own]) => ({
      principalId: id,
      name: names[id] ?? id,
      first: Math.min(...own.map(({ at }) => at)),
      last: Math.max(...own.map(({ at }) => at)),
      ...sumsOf(own),
    }));
    const byPrincipal = usage.byPrincipal(query);
    expect(byKey(byPrincipal, (row) => row.principalId)).toEqual(byKey(expectedPrincipals, (row) => row.principalId));
    expect(byPrincipal).toHaveLength(expectedPrincipals.length);

    const models = grouped(wanted, (row) => row.model);
    const byModel = usage.byModel(query);
    expect(byKey(byModel, (row) => row.model)).toEqual(
      byKey(
        [...models].map(([model, own]) => ({ model, ...sumsOf(own) })),
        (row) => row.model,
      ),
    );

    const hours = grouped(wanted, (row) => row.at - (row.at % hour));
    const timeline = [...hours].map(([start, own]) => ({ hour: start, ...sumsOf(own) }));
    expect(usage.timeline(query)).toEqual(timeline.sort((a, b) => a.hour - b.hour));

    const recent = usage.recent(query, 1000).map(({ requestId }) => requestId);
    const newestFirst = wanted.toSorted((a, b) => b.at - a.at || rows.indexOf(b) - rows.indexOf(a));
    expect(recent).toEqual(newestFirst.map(({ requestId }) => requestId));
  });

  test("name who used most first", async () => {
    await using opened = await openTemp();
    const { usage } = opened.store;
    for (const principalId of ["a", "b", "b", "c", "c", "c"])
      usage.record(usageRow({ principalId, model: principalId }));
    expect(usage.byPrincipal(ever).map((row) => row.principalId)).toEqual(["c", "b", "a"]);
    expect(usage.byModel(ever).map((row) => row.model)).toEqual(["c", "b", "a"]);
  });

  test("call a key by today's name; its rows keep the one of their time", async () => {
    await using opened = await openTemp();
    const { keys, usage } = opened.store;
    const { id } = keys.create("laptop", null).key;
    usage.record(usageRow({ principalId: `key-${id}`, keyId: id, name: "laptop" }));
    keys.rename(id, "old laptop");
    keys.revoke(id);
    expect(usage.byPrincipal(ever)[0]?.name).toBe("old laptop");
    expect(usage.recent(ever, 1)[0]?.name).toBe("laptop");
  });
});

describe("pages of single rows", () => {
  const pages = (store: Store, query: UsageQuery, size: number) => {
    const ids: number[][] = [];
    let before: number | undefined;
    for (;;) {
      const page = store.usage.recent(query, size, before);
      if (page.length === 0) return ids;
      ids.push(page.map(({ id }) => id));
      before = page.at(-1)?.id;
    }
  };

  test("follow one another without gap or double, newest first, whatever was recorded when", async () => {
    await using opened = await openTemp();
    // 5 and 6 are of the same ms; 3 was recorded with a clock that was behind.
    for (const at of [10, 20, 5, 30, 40, 40, 50]) opened.store.usage.record(usageRow({ at: epoch + at }));
    expect(pages(opened.store, ever, 2)).toEqual([[7, 6], [5, 4], [2, 1], [3]]);
    expect(pages(opened.store, { ...ever, since: epoch + 10, until: epoch + 50 }, 3)).toEqual([
      [6, 5, 4],
      [2, 1],
    ]);
  });

  test("hold a quiet principal's rows, however many of others are newer", async () => {
    await using opened = await openTemp();
    opened.store.usage.record(usageRow({ principalId: "key-9" }));
    for (let at = 1; at < 200; at++) opened.store.usage.record(usageRow({ at: epoch + at }));
    expect(pages(opened.store, { ...ever, principalId: "key-9" }, 50)).toEqual([[1]]);
    expect(opened.store.usage.recent({ ...ever, principalId: "key-9" }, 50, 150).map(({ id }) => id)).toEqual([1]);
  });

  test("go on where a row is gone", async () => {
    await using opened = await openTemp();
    for (const at of [0, 1, 2]) opened.store.usage.record(usageRow({ at: epoch + at }));
    expect(opened.store.usage.recent(ever, 2, 99).map(({ id }) => id)).toEqual([3, 2]);
    expect(opened.store.usage.recent(ever, 2, 0)).toEqual([]);
    expect(opened.store.usage.recent(ever, 0)).toEqual([]);
  });
});

describe("what is charged to a key", () => {
  const charge = (store: Store, at: number, requests: 0 | 1, tokens: number, keyId: number | null = 1) =>
    store.usage.record(usageRow({ at, keyId, charged: { requests, tokens } }));

  test("counts in the day, the week from Monday and the month, all in UTC", async () => {
    await using opened = await openTemp();
    opened.store.keys.create("laptop", null);
    opened.store.keys.create("phone", null);
    const midnight = Date.UTC(2026, 3, 15);
    const times = {
      today: midnight,
      endOfToday: midnight + day - 1,
      yesterday: midnight - 1,
      monday: Date.UTC(2026, 3, 13),
      sunday: Date.UTC(2026, 3, 13) - 1,
      firstOfMonth: Date.UTC(2026, 3, 1),
      lastMonth: Date.UTC(2026, 3, 1) - 1,
      tomorrow: midnight + day,
      nextWeek: Date.UTC(2026, 3, 20),
      nextMonth: Date.UTC(2026, 4, 1),
    };
    for (const [at, time] of Object.values(times).entries()) charge(opened.store, time, 1, 2 ** at);
    charge(opened.store, midnight, 1, 5000, 2);
    charge(opened.store, midnight, 1, 5000, null);
    charge(opened.store, midnight, 0, 0);
    const of = (...names: Array<keyof typeof times>) => ({
      requests: names.length,
      tokens: names.reduce((sum, name) => sum + 2 ** Object.keys(times).indexOf(name), 0),
    });
    expect(opened.store.usage.used(1, epoch)).toEqual({
      daily: of("today", "endOfToday"),
      weekly: of("today", "endOfToday", "yesterday", "monday", "tomorrow"),
      monthly: of("today", "endOfToday", "yesterday", "monday", "sunday", "firstOfMonth", "tomorrow", "nextWeek"),
    });
    expect(opened.store.usage.used(2, epoch).monthly).toEqual({ requests: 1, tokens: 5000 });
    expect(opened.store.usage.used(3, epoch).monthly).toEqual({ requests: 0, tokens: 0 });
    // The week of the last of April is in two months.
    const april30 = Date.UTC(2026, 3, 30, 12);
    expect(opened.store.usage.used(1, april30)).toEqual({
      daily: of(),
      weekly: of("nextMonth"),
      monthly: opened.store.usage.used(1, epoch).monthly,
    });
  });

  test("may be tokens without a request, or a request without tokens", async () => {
    await using opened = await openTemp();
    opened.store.keys.create("laptop", null);
    charge(opened.store, epoch, 0, 12);
    charge(opened.store, epoch, 1, 0);
    expect(opened.store.usage.used(1, epoch).daily).toEqual({ requests: 1, tokens: 12 });
  });

  test("to a key that is not there is recorded, and charged to none", async () => {
    await using opened = await openTemp();
    charge(opened.store, epoch, 1, 5, 77);
    expect(opened.store.usage.recent(ever, 1)[0]?.keyId).toBe(77);
    expect(opened.store.usage.used(77, epoch).daily).toEqual({ requests: 0, tokens: 0 });
  });
});

describe("pruning", () => {
  /** One row each half hour, over four hours; the clock stands at their end. */
  async function halfHours() {
    const opened = await openTemp();
    opened.store.keys.create("laptop", null);
    const start = Date.UTC(2026, 3, 15, 0, 15);
    for (let at = 0; at < 8; at++) {
      opened.store.usage.record(usageRow({ at: start + at * 30 * minute, keyId: 1, principalId: "key-1" }));
    }
    return { ...opened, start, usage: opened.store.usage, [Symbol.asyncDispose]: opened[Symbol.asyncDispose] };
  }

  test("forgets single rows of whole hours and keeps their sums", async () => {
    await using opened = await halfHours();
    const { usage, start } = opened;
    const before = [usage.byPrincipal(ever), usage.byModel(ever), usage.timeline(ever)];
    // 02:20: the hour that it cuts stays.
    expect(usage.prune(start + 125 * minute, 0)).toBe(4);
    expect(usage.prune(start + 125 * minute, 0)).toBe(0);
    expect(usage.recent(ever, 100).map(({ id }) => id)).toEqual([8, 7, 6, 5]);
    expect([usage.byPrincipal(ever), usage.byModel(ever), usage.timeline(ever)]).toEqual(before);
  });

  test("makes a cut hour count whole, and only where the rows are gone", async () => {
    await using opened = await halfHours();
    const { usage, start } = opened;
    usage.prune(start + 2 * hour, 0);
    const requests = (since: number, until: number) =>
      usage.byModel({ since, until, principalId: "key-1" })[0]?.requests ?? 0;
    expect(requests(start + 20 * minute, start + 4 * hour)).toBe(8);
    expect(requests(start, start + 70 * minute)).toBe(4);
    expect(requests(start + 20 * minute, start + 25 * minute)).toBe(2);
    expect(requests(start + 20 * minute, start + 130 * minute)).toBe(5);
    expect(requests(start + 130 * minute, start + 4 * hour)).toBe(3);
  });

  test("forgets sums only where the rows are gone too, and charges only of periods that are over", async () => {
    await using opened = await halfHours();
    const { usage, start, clock } = opened;
    usage.prune(start + hour, start + 3 * hour);
    expect(usage.timeline(ever).map(({ requests }) => requests)).toEqual([2, 2, 2]);
    usage.prune(start + 100 * day, start + 100 * day);
    expect([usage.byPrincipal(ever), usage.recent(ever, 9)]).toEqual([[], []]);
    expect(usage.used(1, start).daily.requests).toBe(8);
    clock.now += 40 * day;
    usage.prune(start + 100 * day, start + 100 * day);
    expect(usage.used(1, start).daily.requests).toBe(0);
  });

  test("takes a bounded bite each time, oldest first, and goes on with the next", async () => {
    await using opened = await openTemp();
    const { usage } = opened.store;
    for (let at = 0; at < 5_100; at++) usage.record(usageRow({ at: epoch + at }));
    expect(usage.prune(epoch + day, 0)).toBe(5_000);
    expect(usage.recent(ever, 1000).map(({ at }) => at - epoch)).toEqual(
      Array.from({ length: 100 }, (_, at) => 5_099 - at),
    );
    expect(usage.prune(epoch + day, 0)).toBe(100);
    expect(usage.byModel(ever)[0]?.requests).toBe(5_100);
  });
});

describe("turns that were only counted", () => {
  const counted = (change: Partial<CountedTurns> = {}): CountedTurns => ({
    hour: epoch - (epoch % hour),
    principalId: "key-1",
    name: "laptop",
    model: "claude-opus-5-5",
    outcome: "quota_exceeded",
    cache: "off",
    first: epoch,
    last: epoch + minute,
    requests: 800,
    promptChars: 1_600,
    answerChars: 0,
    totalMs: 0,
    maxMs: 0,
    ...change,
  });
  const hit = counted({ outcome: "ok", cache: "hit", requests: 5, answerChars: 50, totalMs: 20, maxMs: 9 });

  test("are added up by hour, principal, model and outcome, over a restart too", async () => {
    await using opened = await openTemp();
    opened.store.usage.count([counted(), hit]);
    opened.store.usage.count([counted({ first: epoch - minute, last: epoch, requests: 10, name: "desk" })]);
    opened.store.usage.count([]);
    const { usage } = opened.reopen();
    const all = { ...counted({ first: epoch - minute, requests: 810, promptChars: 3_200, name: "desk" }) };
    expect(usage.counted(ever, 10)).toEqual([hit, all]);
    expect(usage.counted(ever, 1)).toEqual([hit]);
    expect(usage.counted({ ...ever, failed: true }, 10)).toEqual([all]);
    expect(usage.counted({ ...ever, model: "claude-haiku-5-5" }, 10)).toEqual([]);
    expect(usage.counted({ ...ever, principalId: "key-2" }, 10)).toEqual([]);
    expect(usage.counted({ ...ever, until: epoch - minute }, 10)).toEqual([]);
    expect(usage.recent(ever, 10)).toEqual([]);
  });

  test("are in every sum as rows are, whole hours and cut ones, and charged to nobody", async () => {
    await using opened = await openTemp();
    opened.store.keys.create("laptop", null);
    const { usage } = opened.store;
    usage.record(usageRow({ at: epoch, keyId: 1, principalId: "key-1", model: "claude-opus-5-5", outcome: "ok" }));
    usage.count([counted(), hit, counted({ principalId: "key-2", name: "phone", requests: 7 })]);
    const sums = { requests: 806, ok: 6, errors: 800, cached: 5 };
    for (const cut of [ever, { ...ever, since: epoch - minute, until: epoch + 2 * minute }]) {
      const own = { ...cut, principalId: "key-1" };
      expect(usage.byPrincipal(own)).toMatchObject([{ principalId: "key-1", last: epoch + minute, ...sums }]);
      expect(usage.byPrincipal(cut).map(({ requests }) => requests)).toEqual([806, 7]);
      expect(usage.byModel(own)).toMatchObject([{ model: "claude-opus-5-5", ...sums }]);
      expect(usage.timeline(own)).toMatchObject([sums]);
      expect(usage.series(cut, "principal")).toMatchObject([{ subject: "key-1" }, { subject: "key-2" }]);
    }
    expect(usage.byModel({ ...ever, since: epoch - minute, until: epoch + 1 })).toMatchObject([{ requests: 1 }]);
    expect(usage.used(1, epoch).daily).toEqual(usage.used(1, epoch).weekly);
    expect(usage.used(1, epoch).daily.requests).toBe(1);
  });

  test("are forgotten with the rows of their hour, and their sums stay", async () => {
    await using opened = await openTemp();
    const { usage } = opened.store;
    usage.count([counted(), counted({ hour: epoch - (epoch % hour) + hour, first: epoch + hour, last: epoch + hour })]);
    const before = [usage.byPrincipal(ever), usage.timeline(ever)];
    expect(usage.prune(epoch + hour, 0)).toBe(1);
    expect(usage.prune(epoch + hour, 0)).toBe(0);
    expect(usage.counted(ever, 10).map(({ first }) => first)).toEqual([epoch + hour]);
    expect([usage.byPrincipal(ever), usage.timeline(ever)]).toEqual(before);
  });
});
