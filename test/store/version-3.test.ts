/** Taking over a database of OCP 3: what stays, what changes, and that no key in plain text is left behind. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../src/core/store.ts";
import { remainingBackups } from "../../src/store/backups.ts";
import { openStore } from "../../src/store/open.ts";
import { withOwnMounts } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { createTemp } from "../harness/temp.ts";
import { startChild } from "./children.ts";
import { bytesIn, epoch, found, logTo, modesIn, openTemp, storeFiles } from "./opened.ts";
import { type Version3, type Version3Key, version3Secret, writeVersion3 } from "./version-3.ts";

const all = { since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null };
const backup = /\.bak$/;
const [laptop, phone, desk] = [version3Secret("laptop"), version3Secret("phone"), version3Secret("desk")];

const taken = (content: Version3) => openTemp((directory) => writeVersion3(directory, content));

const reopen = (directory: string, patience = 0) =>
  openStore({ directory, now: () => epoch, log: logTo([]), patience });

describe("keys", () => {
  test("work as before, with their quotas, state and times", async () => {
    await using opened = await taken({
      keys: [
        { secret: laptop, name: "laptop", created: "2026-01-02 03:04:05", quotas: [10, null, 0] },
        { id: 7, secret: phone, name: "phone", created: "2025-12-31 23:59:59", revoked: 1 },
      ],
    });
    const none = { daily: null, weekly: null, monthly: null };
    const common = { expiresAt: null, tokens: none };
    const kept = [
      {
        ...common,
        id: 1,
        name: "laptop",
        preview: `${laptop.slice(0, 8)}...${laptop.slice(-4)}`,
        createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
        revokedAt: null,
        requests: { daily: 10, weekly: null, monthly: 0 },
      },
      {
        ...common,
        id: 7,
        name: "phone",
        preview: `${phone.slice(0, 8)}...${phone.slice(-4)}`,
        createdAt: Date.UTC(2025, 11, 31, 23, 59, 59),
        revokedAt: Date.UTC(2025, 11, 31, 23, 59, 59),
        requests: none,
      },
    ];
    expect(opened.store.keys.list()).toEqual(kept);
    expect(opened.store.keys.bySecret(laptop)).toEqual(kept[0]!);
    expect(opened.store.keys.bySecret(phone)).toEqual(kept[1]!);
    expect(opened.reopen().keys.list()).toEqual(kept);
  });

  test("were revoked no earlier than they were last used", async () => {
    await using opened = await taken({
      keys: [{ secret: phone, name: "phone", revoked: 1 }],
      usage: ["2026-02-01 00:00:00", "2026-03-01 12:00:00", "2026-01-15 00:00:00"].map((created) => ({
        keyId: 1,
        created,
      })),
    });
    expect(opened.store.keys.find("1")?.revokedAt).toBe(Date.UTC(2026, 2, 1, 12));
  });

  const names: Array<{ what: string; keys: Array<[name: string | null, revoked?: 1]>; become: string[] }> = [
    { what: "of one name are told apart", keys: [["a"], ["b"], ["a"], ["a"]], become: ["a", "b", "a-2", "a-3"] },
    {
      what: "leave a name that another one has",
      keys: [["a"], ["a"], ["a-2"], ["a"], ["a-2"]],
      become: ["a", "a-3", "a-2", "a-4", "a-2-2"],
    },
    {
      what: "that are revoked keep theirs",
      keys: [["a", 1], ["a"], ["a", 1], ["a"], ["a-2", 1]],
      become: ["a", "a", "a", "a-2", "a-2"],
    },
    {
      what: "keep names that would not be allowed today",
      keys: [["Großmutters <Tablet>/quota"], ["x".repeat(100)], ["12"], [" "], ["a\u0000b"]],
      become: ["Großmutters <Tablet>/quota", "x".repeat(100), "12", " ", "a\u0000b"],
    },
    { what: "without a name get one", keys: [[""], [null], ["key-1"]], become: ["key-1", "key-2", "key-1-2"] },
  ];

  test.each(names)("$what", async ({ keys, become }) => {
    const secretOf = (at: number) => version3Secret(`key${at}`);
    await using opened = await taken({
      keys: keys.map(([name, revoked]: [string | null, 1?], at) => ({
        secret: secretOf(at),
        name,
        ...(revoked && { revoked }),
      })),
    });
    const { keys: store } = opened.store;
    expect(store.list().map(({ name }) => name)).toEqual(become);
    for (const [at, name] of become.entries()) {
      expect(store.bySecret(secretOf(at))?.id).toBe(at + 1);
      if (keys[at]?.[1] === undefined) expect(store.find(name)?.id).toBe(at + 1);
    }
    const renamed = keys.flatMap(([name], at) => {
      const old = name || `key-${at + 1}`;
      return old === become[at] ? [] : [`${old} -> ${become[at]}`];
    });
    expect(opened.lines.at(-1)?.fields.renamed ?? []).toEqual(renamed);
  });

  test("without a secret are kept, and cannot be presented; short secrets are not shown", async () => {
    await using opened = await taken({
      keys: [
        { secret: null, name: "none" },
        { secret: "", name: "empty" },
        { secret: "by-hand", name: "short" },
      ],
    });
    const { keys } = opened.store;
    expect(keys.list().map(({ name, preview }) => [name, preview])).toEqual([
      ["none", "..."],
      ["empty", "..."],
      ["short", "..."],
    ]);
    expect([keys.bySecret(""), keys.bySecret("null"), keys.bySecret("by-hand")?.name]).toEqual([null, null, "short"]);
  });

  test("never get the id of a key that is gone", async () => {
    await using opened = await taken({
      keys: [
        { secret: laptop, name: "laptop" },
        { id: 8, secret: desk, name: "desk" },
      ],
      usage: [{ keyId: 8, name: "desk" }],
      also: ["pragma foreign_keys = off", "delete from api_keys where id = 8"],
    });
    expect(opened.store.keys.create("new", null).key.id).toBe(9);
    await using unnumbered = await taken({
      keys: [{ secret: laptop, name: "laptop" }],
      usage: [{ keyId: null }],
      also: ["pragma foreign_keys = off", "update usage_log set key_id = 20", "update sqlite_sequence set seq = 3"],
    });
    expect(unnumbered.store.keys.create("new", null).key.id).toBe(21);
  });
});

describe("usage", () => {
  const noTokens = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, thinking: 0 };

  test("rows stay, attributed to their key or to the name that they had", async () => {
    await using opened = await taken({
      keys: [{ secret: laptop, name: "laptop" }],
      usage: [
        {
          keyId: 1,
          name: "laptop",
          promptChars: 1234,
          answerChars: 56,
          ms: 789,
          success: 1,
          created: "2026-04-15 09:08:07",
        },
        { name: "local", model: null, success: 0, created: "2026-04-15 09:10:00" },
        { name: "key-1", success: null },
        { name: "*" },
        { name: null, created: "not a time" },
      ],
    });
    const rows = opened.store.usage.recent(all, 10).toSorted((a, b) => a.id - b.id);
    expect(rows[0]).toEqual({
      id: 1,
      at: Date.UTC(2026, 3, 15, 9, 8, 7),
      requestId: "",
      principalId: "key-1",
      keyId: 1,
      name: "laptop",
      dialect: "chat",
      model: "claude-sonnet-4-6",
      tokens: noTokens,
      promptChars: 1234,
      answerChars: 56,
      queuedMs: 0,
      firstMs: null,
      totalMs: 789,
      outcome: "ok",
      path: null,
      reason: null,
      cache: "off",
      charged: { requests: 1, tokens: 0 },
    });
    const pick = rows.map(({ principalId, keyId, model, outcome, charged }) => [
      principalId,
      keyId,
      model,
      outcome,
      charged.requests,
    ]);
    expect(pick.slice(1)).toEqual([
      ["local", null, "unknown", "upstream_failed", 0],
      ["anonymous", null, "claude-sonnet-4-6", "upstream_failed", 0],
      ["anonymous", null, "claude-sonnet-4-6", "ok", 0],
      ["anonymous", null, "claude-sonnet-4-6", "ok", 0],
    ]);
    expect(rows.map(({ at }) => at).at(-1)).toBe(0);
  });

  test("is in the reports and counts against the quotas", async () => {
    await using opened = await taken({
      keys: [{ secret: laptop, name: "laptop" }],
      usage: [
        { keyId: 1, created: "2026-04-15 00:00:00", ms: 100 },
        { keyId: 1, created: "2026-04-14 23:59:59", ms: 300 },
        { keyId: 1, created: "2026-04-14 23:00:00", success: 0 },
        { keyId: 1, created: "2026-03-31 23:59:59" },
        { name: "shared", created: "2026-04-15 00:30:00" },
      ],
    });
    const { usage } = opened.store;
    expect(usage.used(1, epoch)).toEqual({
      daily: { requests: 1, tokens: 0 },
      weekly: { requests: 2, tokens: 0 },
      monthly: { requests: 2, tokens: 0 },
    });
    const april = { ...all, since: Date.UTC(2026, 3, 1) };
    expect(usage.byPrincipal(april)).toMatchObject([
      {
        principalId: "key-1",
        name: "laptop",
        requests: 3,
        ok: 2,
        errors: 1,
        totalMs: 400,
        maxMs: 300,
        promptChars: 300,
      },
      { principalId: "shared", name: "shared", requests: 1, ok: 1 },
    ]);
    expect(usage.timeline(april).map(({ requests }) => requests)).toEqual([2, 2]);
    expect(usage.byModel({ ...all, principalId: "key-1" })[0]?.requests).toBe(4);
  });
});

describe("a database", () => {
  const keys: Version3Key[] = [{ secret: laptop, name: "laptop" }];
  const usage = [{ keyId: 1, name: "laptop" }];
  const ages: Array<Version3 & { what: string; rows: number }> = [
    { what: "of today", rows: 1, keys, usage, answers: ["x"] },
    { what: "without quotas", rows: 1, keys, usage, without: ["quotas"] },
    { what: "without a cache", rows: 1, keys, usage, without: ["quotas", "cache"] },
    { what: "without revocation", rows: 1, keys, usage, without: ["quotas", "cache", "revoked"] },
    { what: "without key ids and figures in the usage", rows: 1, keys, usage, without: ["key ids", "figures"] },
    { what: "without usage", rows: 0, keys, without: ["quotas", "cache", "usage"] },
    { what: "with nothing in it but tables", rows: 0 },
    { what: "that is all in its WAL", rows: 1, keys, usage, allInWal: true },
    {
      what: "to which somebody added tables, views and triggers",
      rows: 1,
      keys,
      usage,
      also: [
        "create table keys (secret text)",
        "create table settings (a)",
        `insert into keys values ('${laptop}')`,
        'create view "odd ""name" as select * from api_keys',
        "create trigger spy after delete on api_keys begin insert into settings values (old.key); end",
        "create index usage_at on usage_log (model)",
        "analyze",
      ],
    },
  ];

  test.each(ages)("$what is taken over, once, and sound", async ({ rows, ...content }) => {
    await using opened = await taken(content);
    expect(opened.store.keys.bySecret(laptop)?.name).toBe(content.keys === undefined ? undefined : "laptop");
    expect(opened.store.usage.recent(all, 10)).toHaveLength(rows);
    expect(opened.lines.map(({ level, fields }) => [level, fields.keys, fields.usageRows])).toEqual([
      ["info", undefined, undefined],
      ["info", content.keys?.length ?? 0, rows],
    ]);
    expect(found(opened.directory, [laptop], backup)).toEqual([]);
    opened.reopen();
    expect(opened.lines).toHaveLength(2);
    expect(remainingBackups(opened.directory)).toHaveLength(1);
    opened.store.close();
    using db = new Database(join(opened.directory, "ocp.db"), { readonly: true });
    expect(db.query("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const names = db.query<{ name: string }, []>("select name from sqlite_schema where name not like 'sqlite%'").all();
    expect(names.map(({ name }) => name).toSorted()).toEqual(await freshNames());
  });

  /** Of a database that was OCP 4's from the beginning. */
  async function freshNames(): Promise<string[]> {
    await using fresh = await openTemp();
    fresh.store.close();
    using db = new Database(join(fresh.directory, "ocp.db"), { readonly: true });
    const names = db.query<{ name: string }, []>("select name from sqlite_schema where name not like 'sqlite%'").all();
    return names.map(({ name }) => name).toSorted();
  }
});

describe("what was in plain text", () => {
  const texts = [laptop, phone, "CANARY-ANSWER", "CANARY-DELETED"];
  const content: Version3 = {
    keys: [
      { secret: laptop, name: "laptop" },
      { secret: phone, name: "phone", revoked: 1 },
    ],
    usage: [{ keyId: 1 }],
    answers: ["CANARY-ANSWER ".repeat(1000)],
    deleted: ["CANARY-DELETED"],
  };

  test("is in no file but the backup, neither while the store is open nor later", async () => {
    await using opened = await openTemp((directory) => {
      writeVersion3(directory, content);
      expect(new Set(found(directory, texts).map((one) => one.split(" in ")[0]!))).toEqual(new Set(texts));
    });
    expect(found(opened.directory, texts, backup)).toEqual([]);
    opened.store.keys.create("new", null);
    opened.store.close();
    expect(found(opened.directory, texts, backup)).toEqual([]);
    expect(JSON.stringify(opened.lines)).not.toContain("ocp_");
  });

  test("remains in a backup that is its owner's alone and holds all there was, and doctor can tell", async () => {
    await using opened = await taken({ ...content, allInWal: true });
    const [one, ...others] = remainingBackups(opened.directory);
    expect(others).toEqual([]);
    expect(one).toEqual({
      name: `ocp.db.before-4.0-${epoch}.bak`,
      path: join(opened.directory, `ocp.db.before-4.0-${epoch}.bak`),
      createdAt: epoch,
      bytes: statSync(one!.path).size,
    });
    expect(Object.values(modesIn(opened.directory))).toEqual(["600", "600", "600", "600"]);
    expect(opened.lines.at(-1)?.fields.backup).toBe(one!.name);

    // Put in its place, it is taken over again: everything was in it.
    await using again = await openTemp((directory) => Bun.write(join(directory, "ocp.db"), Bun.file(one!.path)));
    expect(again.store.keys.list()).toEqual(opened.store.keys.list());
    expect(again.store.usage.recent(all, 10)).toEqual(opened.store.usage.recent(all, 10));
  });

  test("backups are listed oldest first, and nothing else is", async () => {
    await using temp = await createTemp();
    for (const name of [
      "ocp.db.before-4.0-20.bak",
      "ocp.db.before-4.0-3.bak",
      "ocp.db.before-4.0-4.bak.part",
      "ocp.db.bak",
    ]) {
      writeFileSync(join(temp.path, name), "12345");
    }
    mkdirSync(join(temp.path, "ocp.db.before-4.0-5.bak"));
    expect(remainingBackups(temp.path).map(({ createdAt, bytes }) => [createdAt, bytes])).toEqual([
      [3, 5],
      [20, 5],
    ]);
    expect(remainingBackups(join(temp.path, "none"))).toEqual([]);
  });
});

describe("interrupted", () => {
  const secrets = Array.from({ length: 20 }, (_, at) => version3Secret(`many${at}`));
  const rows = 6_000;
  const content: Version3 = {
    keys: secrets.map((secret) => ({ secret, name: "device" })),
    answers: ["CANARY-ANSWER"],
    deleted: Array(6).fill("CANARY-DELETED"),
    also: [
      `insert into usage_log (key_id, key_name, model, prompt_chars, response_chars, elapsed_ms, success, created_at)
       with recursive numbers (n) as (select 0 union all select n + 1 from numbers limit ${rows})
       select 1 + n % 20, 'device', 'model-' || n % 3, 100, 10, 5, 1, datetime('2026-04-15 00:00:00', '+' || n || ' seconds')
       from numbers`,
    ],
  };

  /** Nothing is lost, nothing doubled, and nothing left in plain text. */
  function expectWhole(store: Store, directory: string) {
    expect(secrets.map((secret) => store.keys.bySecret(secret)?.id)).toEqual(secrets.map((_, at) => at + 1));
    expect(store.keys.list().map(({ name }) => name)).toEqual([
      "device",
      ...secrets.slice(1).map((_, at) => `device-${at + 2}`),
    ]);
    expect(store.usage.byPrincipal(all).map(({ requests }) => requests)).toEqual(Array(20).fill(rows / 20));
    expect(store.usage.used(20, epoch).monthly.requests).toBe(rows / 20);
    expect(found(directory, [...secrets, "CANARY-ANSWER", "CANARY-DELETED"], backup)).toEqual([]);
    const expected = /^(home|ocp\.db(-wal|-shm)?|ocp\.db\.before-4\.0-\d+\.bak)$/;
    expect(readdirSync(directory).filter((name) => !expected.test(name))).toEqual([]);
  }

  test.each([
    { n: 1, when: "before anything", current: false, backups: 1 },
    { n: 2, when: "before the copy", current: false, backups: 1 },
    { n: 3, when: "before the new tables", current: false, backups: 2 },
    { n: 4, when: "between the new tables", current: false, backups: 2 },
    { n: 5, when: "later between the new tables", current: false, backups: 2 },
    { n: 6, when: "before the last of the new tables", current: false, backups: 2 },
    { n: 7, when: "before the keys", current: false, backups: 2 },
    { n: 8, when: "before the commit", current: false, backups: 2 },
    { n: 9, when: "before the cleaning", current: true, backups: 1 },
    { n: 10, when: "never", current: true, backups: 1 },
  ])("$when, it is as before or goes on, and the next start finishes", async ({ n, when, current, backups }) => {
    await using temp = await createTemp();
    writeVersion3(temp.path, content);
    await using child = startChild(temp, "dieAt", String(n));
    expect(await child.exited).toBe(when === "never" ? 0 : null);
    const tables = tablesIn(temp.path);
    expect([tables.includes("api_keys"), tables.includes("migrations")]).toEqual([!current, current]);
    const store = reopen(temp.path);
    expectWhole(store, temp.path);
    expect(remainingBackups(temp.path)).toHaveLength(backups);
    store.close();
    expectWhole(reopen(temp.path), temp.path);
  });

  test("at any moment, the next start finishes", async () => {
    await using whole = await createTemp();
    writeVersion3(whole.path, content);
    const calm = startChild(whole, "open");
    await calm.said(1);
    const began = performance.now();
    expect(await calm.exited).toBe(0);
    const took = performance.now() - began;

    const rounds = 5;
    for (let round = 0; round < rounds; round++) {
      await using temp = await createTemp();
      writeVersion3(temp.path, content);
      await using child = startChild(temp, "open");
      await child.said(1);
      // The moments are spread over the time that it takes.
      await Promise.race([Bun.sleep((took * round) / rounds), child.exited]);
      await child.kill();
      const store = reopen(temp.path);
      expectWhole(store, temp.path);
      store.close();
    }
  });

  function tablesIn(directory: string): string[] {
    using db = new Database(join(directory, "ocp.db"), { readonly: true });
    const names = db.query<{ name: string }, []>("select name from sqlite_schema where type = 'table'");
    return names.all().map(({ name }) => name);
  }

  test("an unfinished copy of an interrupted start is removed, also when the database is taken over already", async () => {
    await using opened = await taken(content);
    const parts = ["part", "part-journal"].map((end) => join(opened.directory, `ocp.db.before-4.0-1.bak.${end}`));
    for (const part of parts) writeFileSync(part, laptop);
    opened.reopen();
    expect(parts.filter((part) => existsSync(part))).toEqual([]);
    expect(remainingBackups(opened.directory)).toHaveLength(1);
  });
});

describe("it is left as it is", () => {
  const content: Version3 = { keys: [{ secret: laptop, name: "laptop" }], usage: [{ keyId: 1 }] };

  test.each(["alone", "idle"])("while another process has it open (%s)", async (how) => {
    await using temp = await createTemp();
    writeVersion3(temp.path, { ...content, also: ["pragma user_version = 3"] });
    await using holder = startChild(temp, "hold", how);
    await holder.said(1);
    const before = bytesIn(temp.path);
    expect(() => reopen(temp.path)).toThrow(
      expect.objectContaining({ code: "not_ready", message: expect.stringContaining("nother program") }),
    );
    expect(bytesIn(temp.path)).toEqual(before);
    await holder.kill();
    const store = reopen(temp.path);
    expect(store.keys.bySecret(laptop)?.name).toBe("laptop");
    store.close();
  });

  needs("mount namespaces").test("when there is no room for a copy", async () => {
    await using temp = await createTemp();
    await using source = await createTemp();
    writeVersion3(source.path, { ...content, answers: ["x".repeat(300_000)] });
    const script = `mount -t tmpfs -o size=500k none "${temp.path}" && cp "${source.path}"/ocp.db* "${temp.path}" && shift && "$@"; cd "${temp.path}" && sha256sum * && cd "${source.path}" && sha256sum ocp.db*`;
    await using child = startChild(temp, "open", "", [...withOwnMounts, "sh", "-c", script, "sh", "-"]);
    await child.exited;
    const [begin, sentence, ...sums] = child.lines();
    expect(begin).toBe("begin");
    expect(sentence).toMatch(
      /^OcpError: The database of OCP 3 is left as it is, because it could not be copied first\. The disk is full/,
    );
    // The WAL may have been moved into the database; there is no more than there was.
    expect(sums.filter((line) => line.endsWith(".bak") || line.endsWith(".part"))).toEqual([]);
    expect(sums.length).toBeGreaterThanOrEqual(3);
  });

  test("and when it is damaged", async () => {
    await using temp = await createTemp();
    writeVersion3(temp.path, { ...content, also: ["pragma wal_checkpoint(truncate)"] });
    const path = join(temp.path, "ocp.db");
    const bytes = new Uint8Array(await Bun.file(path).arrayBuffer());
    // All but the schema.
    bytes.fill(0xff, 4096);
    await Bun.write(path, bytes);
    await Bun.write(`${path}-wal`, "");
    expect(() => reopen(temp.path)).toThrow(
      expect.objectContaining({ code: "not_ready", message: expect.stringContaining("damaged") }),
    );
    expect(new Uint8Array(await Bun.file(path).arrayBuffer())).toEqual(bytes);
    expect(storeFiles(temp.path).filter((name) => /bak|part/.test(name))).toEqual([]);
  });
});

test("two processes that start at once take it over once", async () => {
  await using temp = await createTemp();
  writeVersion3(temp.path, { keys: [{ secret: laptop, name: "laptop" }], usage: [{ keyId: 1 }] });
  const children = [startChild(temp, "open"), startChild(temp, "open")];
  const ends = await Promise.all(children.map(async (child) => [await child.exited, ...child.lines()]));
  expect(ends).toEqual([
    [0, "begin", "done"],
    [0, "begin", "done"],
  ]);
  expect(remainingBackups(temp.path)).toHaveLength(1);
  const store = reopen(temp.path);
  expect(store.keys.list()).toHaveLength(1);
  expect(store.usage.byModel(all)[0]?.requests).toBe(1);
  store.close();
});
