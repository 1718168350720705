/** The journal of usage over a store that fails, as a full disk does. */

import { describe, expect, test } from "bun:test";
import { createJournal } from "../../src/core/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { usageRow } from "../store/opened.ts";

const noon = Date.UTC(2026, 10, 25, 12);

function journaled({ capacity = 10 } = {}) {
  let now = noon;
  let attempts = 0;
  let broken = false;
  const store = openStore({ directory: null, now: () => now, log: { info() {}, warn() {}, error() {} } });
  const { key } = store.keys.create("laptop", null);
  const fail = () => {
    if (broken) throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  };
  const usage = {
    ...store.usage,
    record(row: Parameters<typeof store.usage.record>[0]) {
      attempts++;
      fail();
      store.usage.record(row);
    },
    used(...args: Parameters<typeof store.usage.used>) {
      fail();
      return store.usage.used(...args);
    },
  };
  const warnings: Array<[string, object]> = [];
  const warn = (message: string, fields: object = {}) => void warnings.push([message, fields]);
  const journal = createJournal({ usage, warn, clock: () => now, capacity });
  return {
    journal,
    warnings,
    rows: () =>
      store.usage
        .recent({ since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null }, 100)
        .map((row) => row.requestId)
        .reverse(),
    attempts: () => attempts,
    breaks: (how: boolean) => {
      broken = how;
    },
    pass(ms: number) {
      now += ms;
    },
    write(requestId: string, tokens = 0) {
      journal.begin();
      journal.write(usageRow({ at: now, requestId, keyId: key.id, charged: { requests: 1, tokens } }));
    },
    used: () => journal.used(key.id, now),
  };
}

describe("rows that the store does not take", () => {
  test("wait, and are written in their order as soon as it takes one", () => {
    const { breaks, write, rows, journal, pass, warnings } = journaled();
    write("a");
    breaks(true);
    write("b");
    write("c");
    expect(journal.status()).toEqual({ waiting: 2, lost: 0, problem: "SQLITE_FULL" });
    expect(warnings[0]).toEqual(["usage cannot be written", { problem: "SQLITE_FULL", waiting: 1, lost: 0 }]);
    breaks(false);
    pass(1_000);
    write("d");
    expect(rows()).toEqual(["a", "b", "c", "d"]);
    expect(journal.status()).toEqual({ waiting: 0, lost: 0, problem: null });
  });

  test("are tried again once a second at most, since each attempt may block", () => {
    const { breaks, write, attempts, pass } = journaled();
    breaks(true);
    for (let i = 0; i < 5; i++) write(`${i}`);
    expect(attempts()).toBe(1);
    pass(1_000);
    write("5");
    expect(attempts()).toBe(2);
  });

  test("are written on demand, as when the server stops", async () => {
    const { breaks, write, rows, journal } = journaled();
    breaks(true);
    write("a");
    breaks(false);
    await journal.close(0);
    expect(rows()).toEqual(["a"]);
  });

  test("are so many at most, and those that are given up are counted", async () => {
    const { breaks, write, rows, journal } = journaled({ capacity: 3 });
    breaks(true);
    for (const id of ["a", "b", "c", "d", "e"]) write(id);
    expect(journal.status()).toMatchObject({ waiting: 3, lost: 2 });
    breaks(false);
    await journal.close(0);
    expect(rows()).toEqual(["c", "d", "e"]);
  });

  test("count for quotas all the same", () => {
    const { breaks, write, used } = journaled();
    write("a", 10);
    expect(used().daily).toEqual({ requests: 1, tokens: 10 });
    write("b", 20);
    breaks(true);
    write("c", 30);
    expect(used()).toEqual({
      daily: { requests: 3, tokens: 60 },
      weekly: { requests: 3, tokens: 60 },
      monthly: { requests: 3, tokens: 60 },
    });
  });

  test("of yesterday count for the week and not for the day", () => {
    const { breaks, write, used, pass } = journaled();
    write("a", 10);
    used();
    breaks(true);
    write("b", 20);
    pass(86_400_000);
    expect(used()).toMatchObject({ daily: { requests: 0, tokens: 0 }, weekly: { requests: 2, tokens: 30 } });
  });
});

test("a clock that is set back does not keep rows waiting", () => {
  const { breaks, write, rows, pass } = journaled();
  breaks(true);
  write("a");
  breaks(false);
  pass(-3_600_000);
  write("b");
  expect(rows().sort()).toEqual(["a", "b"]);
});

test("the end waits for the rows of turns that have begun, but not for ever", async () => {
  const { journal, write, rows } = journaled();
  await journal.close(60_000);
  journal.begin();
  let closed = false;
  const close = journal.close(60_000).then(() => {
    closed = true;
  });
  write("a");
  await Promise.resolve();
  expect(closed).toBe(false);
  journal.write(usageRow({ requestId: "b" }));
  await close;
  expect(rows().sort()).toEqual(["a", "b"]);
  journal.begin();
  await journal.close(1);
});

describe("turns that no process answered", () => {
  const unanswered = { path: null, charged: { requests: 0, tokens: 0 } } as const;

  function counting() {
    let broken = false;
    const store = openStore({ directory: null, now: () => noon, log: { info() {}, warn() {}, error() {} } });
    const usage = {
      ...store.usage,
      count(turns: Parameters<typeof store.usage.count>[0]) {
        if (broken) throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
        store.usage.count(turns);
      },
    };
    let now = noon;
    const modelName = (model: string) => (model.startsWith("claude-opus") ? model : "other");
    const journal = createJournal({ usage, warn: () => {}, clock: () => now, modelName });
    const all = { since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null };
    return {
      journal,
      write(count: number, change: Parameters<typeof usageRow>[0] = {}) {
        for (let at = 0; at < count; at++) {
          journal.begin();
          journal.write(usageRow({ at: now, outcome: "quota_exceeded", ...unanswered, ...change }));
        }
      },
      pass(ms: number) {
        now += ms;
      },
      breaks(how: boolean) {
        broken = how;
      },
      rows: () => store.usage.recent(all, 5_000).length,
      requests: () => store.usage.byPrincipal(all).reduce((sum, { requests }) => sum + requests, 0),
      models: () => store.usage.byModel(all).map(({ model }) => model),
      counted: () => store.usage.counted(all, 500),
    };
  }

  test("have rows for the first of each kind in an hour, the rest is counted, and each hour begins anew", () => {
    const { journal, write, rows, requests, counted, pass } = counting();
    write(300);
    write(60, { outcome: "queue_full" });
    write(60, { principalId: "key-7" });
    expect(rows()).toBe(150);
    journal.catchUp();
    expect(
      counted()
        .map((each) => each.requests)
        .sort(),
    ).toEqual([10, 10, 250]);
    expect(requests()).toBe(420);
    pass(3_600_000);
    write(60);
    journal.catchUp();
    expect([rows(), requests()]).toEqual([200, 480]);
  });

  test("have a bound on all their rows together, however many keys there are", () => {
    const { journal, write, rows, requests } = counting();
    for (let key = 0; key < 100; key++) write(50, { principalId: `key-${key}` });
    expect(rows()).toBe(1_000);
    journal.catchUp();
    expect(requests()).toBe(5_000);
  });

  test("are counted by known models alone, and what a process answered has its row whatever there was before", () => {
    const { journal, write, rows, models } = counting();
    write(50);
    for (let at = 0; at < 100; at++) write(1, { model: `claude-made-up-${at}` });
    write(100, { path: "live", outcome: "ok", charged: { requests: 1, tokens: 5 }, model: "claude-opus-5-5" });
    journal.catchUp();
    expect(rows()).toBe(150);
    expect(models().filter((model) => model.startsWith("claude-made-up"))).toEqual([]);
    expect(models()).toContain("other");
  });

  test("wait for a store that does not take them, and are written at the close", async () => {
    const { journal, write, breaks, pass, requests } = counting();
    breaks(true);
    write(150);
    journal.catchUp();
    expect(requests()).toBe(50);
    expect(journal.status()).toEqual({ waiting: 0, lost: 0, problem: "SQLITE_FULL" });
    write(50);
    breaks(false);
    pass(1_000);
    await journal.close(0);
    expect(requests()).toBe(200);
  });
});
