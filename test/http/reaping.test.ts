/** Old answers, and the use of long ago, leave the store by themselves. */

import { expect, test } from "bun:test";
import type { CacheEntry, CacheStore } from "../../src/core/store.ts";
import { startReaping } from "../../src/server/reaping.ts";
import { openStore } from "../../src/store/open.ts";
import { usageRow } from "../store/opened.ts";
import { memoryCache } from "./memory-cache.ts";

const quiet = { info() {}, warn() {}, error() {} };
const usageDays = () => 90;

const entry = (hash: string, createdAt: number): CacheEntry => ({
  hash,
  principalId: "local",
  model: "claude-sonnet-5-5",
  answer: "a secret answer",
  createdAt,
});

/** A store that tells of each round. */
function observed(prune?: CacheStore["prune"]) {
  const cache = memoryCache();
  const rounds: Array<() => void> = [];
  const observedCache: CacheStore = {
    ...cache,
    prune(at) {
      rounds.shift()?.();
      return (prune ?? cache.prune)(at);
    },
  };
  const { usage } = openStore({ directory: null, now: () => 1_000, log: quiet });
  return {
    store: { cache: observedCache, usage },
    cache,
    round: () => new Promise<void>((resolve) => rounds.push(resolve)),
  };
}

test("at the start and in every round what has outlived its time goes, and the rest stays", async () => {
  const { store, cache, round } = observed();
  for (const at of [100, 900, 1_000]) cache.put(entry(`at ${at}`, at), 1_000_000);
  let now = 1_000;
  const stop = startReaping({ store, cacheTtl: () => 500, usageDays, clock: () => now, log: quiet, interval: 1 });
  expect([...cache.entries.keys()]).toEqual(["at 900", "at 1000"]);
  now = 1_450;
  await round();
  await round();
  stop();
  expect([...cache.entries.keys()]).toEqual(["at 1000"]);
});

test("while the cache is off nothing stays in it", () => {
  const { store, cache } = observed();
  cache.put(entry("a", 999), 1_000_000);
  startReaping({ store, cacheTtl: () => 0, usageDays, clock: () => 1_000, log: quiet })();
  expect(cache.entries.size).toBe(0);
});

test("a store that fails is told of without what it holds, and is tried again", async () => {
  const lines: unknown[] = [];
  const { store, round } = observed(() => {
    throw Object.assign(new Error("corrupt: a secret answer"), { code: "SQLITE_CORRUPT" });
  });
  const log = { ...quiet, warn: (...line: unknown[]) => void lines.push(line) };
  const stop = startReaping({ store, cacheTtl: () => 500, usageDays, clock: () => 1_000, log, interval: 1 });
  await round();
  stop();
  expect(JSON.stringify(lines)).toContain("SQLITE_CORRUPT");
  expect(JSON.stringify(lines)).not.toContain("secret");
});

test("single requests leave the usage after their days, and their sums stay", () => {
  const now = Date.UTC(2026, 10, 26, 12);
  const { cache } = observed().store;
  const store = openStore({ directory: null, now: () => now, log: quiet });
  const daysAgo = (days: number) => now - days * 86_400_000;
  for (const days of [800, 31, 29]) store.usage.record(usageRow({ at: daysAgo(days) }));
  startReaping({
    store: { cache, usage: store.usage },
    cacheTtl: () => 0,
    usageDays: () => 30,
    clock: () => now,
    log: quiet,
  })();
  const all = { since: 0, until: now, principalId: null };
  expect(store.usage.recent(all, 10).map(({ at }) => at)).toEqual([daysAgo(29)]);
  expect(store.usage.timeline(all).map(({ hour }) => hour)).toEqual([daysAgo(31), daysAgo(29)]);
});
