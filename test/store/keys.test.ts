/** Keys: what is kept of them, which one a name or secret means, and what changes. */

import { describe, expect, test } from "bun:test";
import type { KeyStore } from "../../src/core/store.ts";
import { epoch, found, openTemp } from "./opened.ts";

const unlimited = { daily: null, weekly: null, monthly: null };

test("a new key is known by its secret, which is told once and nowhere kept", async () => {
  await using opened = await openTemp();
  const { key, secret } = opened.store.keys.create("laptop", epoch + 1000);
  expect(secret).toMatch(/^ocp_[A-Za-z0-9_-]{32}$/);
  expect(key).toEqual({
    id: 1,
    name: "laptop",
    preview: `${secret.slice(0, 8)}...${secret.slice(-4)}`,
    createdAt: epoch,
    expiresAt: epoch + 1000,
    revokedAt: null,
    requests: unlimited,
    tokens: unlimited,
  });
  expect(opened.store.keys.bySecret(secret)).toEqual(key);
  expect(opened.reopen().keys.bySecret(secret)).toEqual(key);
  expect(found(opened.directory, [secret, secret.slice(4), "laptop"])).toEqual(["laptop in ocp.db"]);
});

test.each([
  { what: "nothing", secret: "" },
  { what: "the prefix", secret: "ocp_" },
  { what: "a key's name", secret: "laptop" },
  { what: "a key's id", secret: "1" },
  { what: "SQL", secret: "' or 1=1 --" },
  { what: "a zero byte", secret: "\0" },
  { what: "a very long text", secret: "x".repeat(100_000) },
])("$what is nobody's secret", async ({ secret }) => {
  await using opened = await openTemp();
  opened.store.keys.create("laptop", null);
  expect(opened.store.keys.bySecret(secret)).toBeNull();
});

describe("a name", () => {
  test("belongs to one key", async () => {
    await using opened = await openTemp();
    const { keys } = opened.store;
    keys.create("laptop", null);
    const phone = keys.create("phone", null).key;
    const taken = { code: "conflict", message: 'There is a key named "laptop" already.', param: "name" };
    expect(() => keys.create("laptop", null)).toThrow(expect.objectContaining(taken));
    expect(() => keys.rename(phone.id, "laptop")).toThrow(expect.objectContaining(taken));
    expect(keys.list().map(({ name }) => name)).toEqual(["laptop", "phone"]);
    expect(keys.rename(phone.id, "phone").name).toBe("phone");
  });

  test("is free again when its key is revoked", async () => {
    await using opened = await openTemp();
    const { keys } = opened.store;
    const first = keys.create("laptop", null).key;
    keys.revoke(first.id);
    const second = keys.create("laptop", null).key;
    expect(keys.find("laptop")?.id).toBe(second.id);
    expect(keys.find(String(first.id))?.revokedAt).toBe(epoch);
  });

  test.each<{ means: string; id: number | null }>([
    { means: "laptop", id: 1 },
    { means: "1", id: 1 },
    { means: "3", id: 2 },
    { means: "2", id: 2 },
    { means: "gone", id: null },
    { means: "4", id: 4 },
    { means: "5", id: null },
    { means: "Laptop", id: null },
    { means: "", id: null },
    { means: "1.0", id: null },
    { means: "-1", id: null },
    { means: "99999999999999999999999", id: null },
  ])("or id: $means means the key $id", async ({ means, id }) => {
    await using opened = await openTemp();
    const { keys } = opened.store;
    // The second one is named like the id of the third.
    for (const name of ["laptop", "3", "phone", "gone"]) keys.create(name, null);
    keys.revoke(4);
    expect(keys.find(means)?.id ?? null).toBe(id);
  });
});

test("a rotated key keeps all but its secret, and the old one is void", async () => {
  await using opened = await openTemp();
  const { keys } = opened.store;
  const made = keys.create("laptop", null);
  keys.setLimits(made.key.id, "requests", { daily: 5 });
  const { key, secret } = keys.rotate(made.key.id);
  expect(secret).not.toBe(made.secret);
  expect(key).toEqual({ ...made.key, preview: key.preview, requests: { ...unlimited, daily: 5 } });
  expect(key.preview).not.toBe(made.key.preview);
  expect(keys.bySecret(made.secret)).toBeNull();
  expect(keys.bySecret(secret)).toEqual(key);
});

test("a revoked key keeps the time of the first revocation, is found by its secret, and is not rotated", async () => {
  await using opened = await openTemp();
  const { keys } = opened.store;
  const { key, secret } = keys.create("laptop", null);
  keys.revoke(key.id);
  opened.clock.now += 5000;
  expect(keys.revoke(key.id).revokedAt).toBe(epoch);
  expect(keys.bySecret(secret)?.revokedAt).toBe(epoch);
  expect(() => keys.rotate(key.id)).toThrow(expect.objectContaining({ code: "conflict" }));
});

test("limits change where they are named, and null lifts them", async () => {
  await using opened = await openTemp();
  const { keys } = opened.store;
  const { id } = keys.create("laptop", null).key;
  keys.setLimits(id, "requests", { daily: 10, monthly: 0 });
  keys.setLimits(id, "tokens", { weekly: 5_000_000_000 });
  keys.setLimits(id, "requests", { daily: null, weekly: 7 });
  const key = keys.setLimits(id, "tokens", {});
  expect(key.requests).toEqual({ daily: null, weekly: 7, monthly: 0 });
  expect(key.tokens).toEqual({ daily: null, weekly: 5_000_000_000, monthly: null });
  expect(opened.reopen().keys.list()).toEqual([key]);
});

test("an expiry is set and lifted", async () => {
  await using opened = await openTemp();
  const { keys } = opened.store;
  const { id } = keys.create("laptop", null).key;
  expect(keys.setExpiry(id, 77).expiresAt).toBe(77);
  expect(keys.setExpiry(id, null).expiresAt).toBeNull();
});

test("keys are listed oldest first, revoked ones too", async () => {
  await using opened = await openTemp();
  const { keys } = opened.store;
  for (const name of ["b", "a", "c"]) keys.create(name, null);
  keys.revoke(2);
  expect(keys.list().map(({ name, revokedAt }) => [name, revokedAt])).toEqual([
    ["b", null],
    ["a", epoch],
    ["c", null],
  ]);
});

const changes: ReadonlyArray<readonly [string, (keys: KeyStore, id: number) => unknown]> = [
  ["rename", (keys, id) => keys.rename(id, "x")],
  ["rotate", (keys, id) => keys.rotate(id)],
  ["revoke", (keys, id) => keys.revoke(id)],
  ["setExpiry", (keys, id) => keys.setExpiry(id, 1)],
  ["setLimits", (keys, id) => keys.setLimits(id, "tokens", { daily: 1 })],
  ["setLimits of nothing", (keys, id) => keys.setLimits(id, "tokens", {})],
];

test.each(changes)("%s of an unknown key is not_found", async (_name, change) => {
  await using opened = await openTemp();
  opened.store.keys.create("laptop", null);
  expect(() => change(opened.store.keys, 2)).toThrow(expect.objectContaining({ code: "not_found" }));
});
