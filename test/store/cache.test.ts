/** Cached answers: which are given, which give way, and that what is cleared is gone. */

import { describe, expect, test } from "bun:test";
import type { CacheEntry } from "../../src/core/store.ts";
import { epoch, found, openTemp } from "./opened.ts";

const plenty = 1_000_000;

function entry(hash: string, changes: Partial<CacheEntry> = {}): CacheEntry {
  return { hash, principalId: "key-1", model: "m", answer: "0123456789", createdAt: epoch, ...changes };
}

test("an answer is given as it was put, until it is too old", async () => {
  await using opened = await openTemp();
  const { cache } = opened.store;
  const put = entry("a", { answer: "grüß dich" });
  cache.put(put, plenty);
  expect(cache.get("a", epoch, epoch + 5)).toEqual(put);
  expect(cache.get("a", epoch + 1, epoch + 5)).toBeNull();
  expect(cache.get("b", 0, epoch)).toBeNull();
  expect(opened.reopen().cache.get("a", epoch, epoch)).toEqual(put);
});

test("hits and bytes are counted", async () => {
  await using opened = await openTemp();
  const { cache } = opened.store;
  expect(cache.stats()).toEqual({ entries: 0, hits: 0, bytes: 0 });
  cache.put(entry("a", { answer: "äö" }), plenty);
  cache.put(entry("b"), plenty);
  cache.get("a", 0, epoch);
  cache.get("a", 0, epoch);
  cache.get("a", epoch + 1, epoch);
  cache.get("none", 0, epoch);
  expect(cache.stats()).toEqual({ entries: 2, hits: 2, bytes: 14 });
});

test("a second answer to the same replaces the first", async () => {
  await using opened = await openTemp();
  const { cache } = opened.store;
  cache.put(entry("a"), plenty);
  cache.put(entry("a", { answer: "new", createdAt: epoch + 9 }), plenty);
  expect(cache.get("a", 0, epoch + 9)).toEqual(entry("a", { answer: "new", createdAt: epoch + 9 }));
  expect(cache.stats()).toEqual({ entries: 1, hits: 1, bytes: 3 });
});

describe("when the answers do not fit", () => {
  const held = (cache: { get: (hash: string, notBefore: number, now: number) => unknown }) =>
    ["a", "b", "c", "d"].filter((hash) => cache.get(hash, 0, epoch + 100) !== null);

  test("the least recently used give way, as many as need be", async () => {
    await using opened = await openTemp();
    const { cache } = opened.store;
    for (const [at, hash] of ["a", "b", "c"].entries()) cache.put(entry(hash, { createdAt: epoch + at }), 30);
    cache.get("a", 0, epoch + 10);
    cache.put(entry("d", { answer: "x".repeat(15), createdAt: epoch + 20 }), 30);
    expect(held(cache)).toEqual(["a", "d"]);
  });

  test("of the same age the first put goes first, and never the new one", async () => {
    await using opened = await openTemp();
    const { cache } = opened.store;
    for (const hash of ["c", "a", "b"]) cache.put(entry(hash), 20);
    expect(held(cache)).toEqual(["a", "b"]);
    // Its clock was behind.
    cache.put(entry("d", { createdAt: epoch - 50 }), 20);
    expect(held(cache)).toEqual(["b", "d"]);
  });

  test("one that is larger than all of it is not kept, nor what it would replace", async () => {
    await using opened = await openTemp();
    const { cache } = opened.store;
    for (const hash of ["a", "b"]) cache.put(entry(hash), 20);
    cache.put(entry("a", { answer: "x".repeat(21) }), 20);
    expect(held(cache)).toEqual(["b"]);
  });
});

test("old answers are forgotten", async () => {
  await using opened = await openTemp();
  const { cache } = opened.store;
  for (const [at, hash] of ["a", "b", "c"].entries()) cache.put(entry(hash, { createdAt: epoch + at }), plenty);
  expect(cache.prune(epoch + 2)).toBe(2);
  expect(cache.prune(epoch + 2)).toBe(0);
  expect(cache.stats().entries).toBe(1);
});

test("what was cleared is in no file, neither while the store is open nor later", async () => {
  await using opened = await openTemp();
  const { cache } = opened.store;
  const texts = ["CANARY-SHORT", "CANARY-LONG", "CANARY-REPLACED"];
  cache.put(entry("a", { answer: "CANARY-SHORT" }), plenty);
  cache.put(entry("b", { answer: "CANARY-LONG ".repeat(10_000) }), plenty);
  cache.put(entry("c", { answer: "CANARY-REPLACED ".repeat(1000) }), plenty);
  cache.put(entry("c", { answer: "short now" }), plenty);
  opened.reopen();
  opened.store.cache.put(entry("d", { answer: "CANARY-SHORT in the WAL" }), plenty);
  expect(found(opened.directory, texts)).toContain("CANARY-LONG in ocp.db");
  expect(found(opened.directory, texts)).toContain("CANARY-SHORT in ocp.db-wal");
  expect(opened.store.cache.clear()).toBe(4);
  expect(found(opened.directory, texts)).toEqual([]);
  expect(opened.store.cache.stats()).toEqual({ entries: 0, hits: 0, bytes: 0 });
  expect(opened.store.cache.clear()).toBe(0);
  opened.store.close();
  expect(found(opened.directory, texts)).toEqual([]);
});
