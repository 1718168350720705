/** Kept answers over a restart: what the file holds and for how long, and what happens to it when it is damaged. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SessionDisk } from "../../src/core/kept-sessions.ts";
import { createSessionDisk } from "../../src/store/sessions.ts";
import { waitUntil } from "../harness/processes.ts";
import { createRandom } from "../harness/random.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { startChild } from "./children.ts";
import { epoch, type LogLine, logTo, modesIn } from "./opened.ts";
import { answer, bytesWith, holds, keptIn, storedIn } from "./sessions.ts";

const hour = 3_600_000;
const fileOf = ({ path }: Temp) => join(path, "sessions.db");
const modes = ({ path }: Temp) => modesIn(path, "sessions.db");
const conversation = (id: string, ended: "expired" | null = null) => ({
  id,
  principalId: "ann",
  model: "claude-sonnet-5-5",
  messages: 4,
  turns: 2,
  since: epoch,
  usedAt: epoch,
  ended,
  usage: { input: 1, cacheRead: 2, cacheWrite: 3, output: 4 },
  head: `head of ${id}`,
});

/** The rows of each table of the file. */
function counted({ path }: Temp): Record<string, number> {
  using db = new Database(join(path, "sessions.db"), { readwrite: true, create: false });
  const count = (table: string) =>
    db.query<{ count: number }, []>(`select count(*) as count from ${table}`).get()!.count;
  const tables = ["conversations", "answers", "holdings", "pieces"];
  return Object.fromEntries(tables.map((table) => [table, count(table)]));
}

/** A file with one conversation of two answers, closed. */
async function fill(temp: Temp): Promise<void> {
  const { kept } = keptIn(temp.path);
  for (const words of ["one", "two"]) kept.keep(answer("c1", words));
  kept.note(conversation("c1"));
  await kept.close();
}

describe("over a restart", () => {
  test("answers and conversations are as they were, and whatever had a process says why it has none", async () => {
    await using temp = await createTemp();
    const first = keptIn(temp.path).kept;
    const given = [
      answer("c1", "one"),
      answer("c1", "two", { content: [{ type: "text", text: "語 \ud800 ".repeat(3_000) }] }),
      answer("c2", "one", { content: [{ type: "redacted_thinking", data: "" }] }),
      answer("c3", "one", { principalId: "bob", content: [{ type: "text", text: "Bob's" }] }),
    ];
    for (const each of given) first.keep(each);
    first.note(conversation("c1"));
    first.note(conversation("c2", "expired"));
    await first.close();

    const { kept } = keptIn(temp.path);
    expect(kept.find("ann", "one", "c1")).toEqual(given[0]!);
    expect(kept.find("ann", "two")).toEqual(given[1]!);
    expect(kept.find("ann", "one", "c2")).toEqual(given[2]!);
    expect(kept.find("bob", "one")).toEqual(given[3]!);
    expect(kept.find("bob", "two")).toBeNull();
    expect(kept.byCall("ann", "toolu_one", "c1")).toEqual(given[0]!);
    expect(kept.conversations("ann").map(({ id, ended }) => [id, ended])).toEqual([
      ["c2", "expired"],
      ["c1", "restart"],
    ]);
    expect(kept.conversation("ann", { head: "head of c2" })).toEqual(conversation("c2", "expired"));
    await kept.close();
  });

  test("goes on where it stopped: later answers are added, replaced and shared ones counted once", async () => {
    await using temp = await createTemp();
    await fill(temp);
    const { kept } = keptIn(temp.path);
    kept.keep(answer("c1", "three"));
    kept.keep(answer("c1", "two", { content: [{ type: "text", text: "another second" }] }));
    kept.keep(answer("fork", "one"));
    await kept.close();
    expect(storedIn(temp.path)).toEqual({ c1: ["one", "three", "two"], fork: ["one"] });
    expect(bytesWith(temp.path, ["I think two"])).toEqual([]);
    const db = new Database(fileOf(temp), { readonly: true });
    expect(db.query("select count(*) as count from answers").get()).toEqual({ count: 3 });
    db.close();
    const again = keptIn(temp.path).kept;
    expect(again.find("ann", "two")?.content).toEqual([{ type: "text", text: "another second" }]);
    again.clear();
    await again.close();
    expect(storedIn(temp.path)).toEqual({});
  });

  test("nothing comes back of a principal that is gone, or that is older than OCP_SESSION_KEEP", async () => {
    await using temp = await createTemp();
    await fill(temp);
    const gone = keptIn(temp.path, { gone: ["ann"] }).kept;
    expect(holds(gone, "one", "two")).toEqual([]);
    await gone.close();
    expect(bytesWith(temp.path, ["one", "two"])).toEqual([]);

    await fill(temp);
    const late = keptIn(temp.path, { hours: 2, now: epoch + 2 * hour + 1 }).kept;
    expect(holds(late, "one", "two")).toEqual([]);
    expect(late.conversations()).toEqual([]);
    await late.close();
    expect(bytesWith(temp.path, ["one", "two"])).toEqual([]);
  });

  test("no more comes back than may be kept", async () => {
    await using temp = await createTemp();
    const { kept, state } = keptIn(temp.path);
    for (const id of ["c1", "c2", "c3"]) {
      state.now++;
      kept.keep(answer(id, id, { content: [{ type: "text", text: `${id} `.repeat(5_000) }] }));
    }
    await kept.close();
    const { kept: less } = keptIn(temp.path, { maxBytes: 35_000 });
    expect(holds(less, "c1", "c2", "c3")).toEqual(["c2", "c3"]);
    await less.close();
    expect(storedIn(temp.path)).toEqual({ c2: ["c2"], c3: ["c3"] });
    expect(bytesWith(temp.path, ["c1 c1"])).toEqual([]);
  });
});

describe("the file", () => {
  test("is written a moment after an answer, without being asked", async () => {
    await using temp = await createTemp();
    const { kept } = keptIn(temp.path);
    kept.keep(answer("c1", "one"));
    expect(bytesWith(temp.path, ["I think one"])).toEqual([]);
    await waitUntil("it is written", () => bytesWith(temp.path, ["I think one"]).length > 0);
    await kept.close();
  });

  test("is its owner's alone from its first byte, as all beside it, and narrowed where it was not", async () => {
    await using temp = await createTemp();
    const umask = process.umask(0);
    try {
      const { kept } = keptIn(temp.path);
      kept.keep(answer("c1", "one"));
      await waitUntil("it is written", () => bytesWith(temp.path, ["I think one"]).length > 0);
      expect(modes(temp)).toEqual({ "sessions.db": "600", "sessions.db-shm": "600", "sessions.db-wal": "600" });
      await kept.close();
      chmodSync(fileOf(temp), 0o644);
      await keptIn(temp.path).kept.close();
      expect(modes(temp)).toEqual({ "sessions.db": "600" });
    } finally {
      process.umask(umask);
    }
  });

  test("is not there with OCP_SESSION_KEEP at 0, and goes, whole, when it becomes that", async () => {
    await using temp = await createTemp();
    const { kept, state } = keptIn(temp.path, { hours: 0 });
    kept.keep(answer("c1", "one"));
    expect(modes(temp)).toEqual({});
    state.hours = 1;
    kept.reconsider();
    await waitUntil("it is written", () => bytesWith(temp.path, ["I think one"]).length > 0);
    writeFileSync(`${fileOf(temp)}.damaged`, "I think of earlier");
    state.hours = 0;
    kept.reconsider();
    expect(modes(temp)).toEqual({});
    expect(holds(kept, "one")).toEqual(["one"]);
    await kept.close();

    await fill(temp);
    const off = keptIn(temp.path, { hours: 0 }).kept;
    expect(holds(off, "one", "two")).toEqual([]);
    expect(modes(temp)).toEqual({});
    await off.close();
  });

  test("forgets a conversation after its hours, also while memory keeps it, and learns it again when it is used", async () => {
    await using temp = await createTemp();
    const { kept, state } = keptIn(temp.path, { hours: 2 });
    kept.keep(answer("old", "one"));
    state.now += hour;
    kept.keep(answer("new", "two"));
    await waitUntil("both are written", () => bytesWith(temp.path, ["I think one", "I think two"]).length === 2);
    state.now += hour + 1;
    kept.reconsider();
    const both = ["I think one", "I think two"];
    await waitUntil("one is gone", () => !bytesWith(temp.path, both).some((found) => found.startsWith(both[0]!)));
    expect(bytesWith(temp.path, both)).not.toEqual([]);
    expect(holds(kept, "one", "two")).toEqual(["one", "two"]);
    kept.touch("old");
    await kept.close();
    expect(storedIn(temp.path)).toEqual({ new: ["two"], old: ["one"] });
  });

  test("is written and rid of a long conversation in bites, so that nothing else waits long", async () => {
    await using temp = await createTemp();
    const real = createSessionDisk({ directory: temp.path, log: logTo([]) });
    const bites: Array<{ added: number; removed: number }> = [];
    const disk: SessionDisk = {
      ...real,
      open() {
        const file = real.open();
        return {
          ...file,
          write(changes) {
            const before = Object.values(counted(temp)).reduce((sum, count) => sum + count, 0);
            file.write(changes);
            const change = Object.values(counted(temp)).reduce((sum, count) => sum + count, 0) - before;
            bites.push({ added: Math.max(0, change), removed: Math.max(0, -change) });
          },
        };
      },
    };
    const { kept } = keptIn(temp.path, { disk });
    for (let at = 0; at < 300; at++) {
      kept.keep(answer("long", `p${at}`, { content: [{ type: "text", text: `p${at} `.repeat(1_000) }] }));
    }
    await waitUntil("all are written", () => counted(temp).answers === 300);
    kept.clear();
    await waitUntil("all are gone", () => counted(temp).answers === 0);
    // Rows of all tables: an answer has seven or eight.
    expect(Math.max(...bites.map(({ added }) => added))).toBeLessThan(400);
    expect(Math.max(...bites.map(({ removed }) => removed))).toBeLessThan(400);
    await kept.close();
    expect(storedIn(temp.path)).toEqual({});
  });

  test("holds nothing of what was forgotten in any byte, whatever its size and order", async () => {
    await using temp = await createTemp();
    const random = createRandom(7);
    const marked = (at: number) => `MARK${String(at).padStart(5, "0")}#`;
    const live = new Map<string, string>();
    const gone: string[] = [];
    const file = createSessionDisk({ directory: temp.path, log: logTo([]) }).open();
    for (let at = 0; at < 1_500; at++) {
      const id = `c${at}`;
      const content = Buffer.from(marked(at).repeat(1 + random.int(2) * random.int(700)));
      const put = { id, principalId: "ann", usedAt: epoch, note: null };
      const removed = [...live.keys()].filter(() => live.size > 40 && random.int(live.size) < 2);
      const added = [{ id: at + 1, print: id, model: "m", at: epoch, content }];
      file.write([{ put, added, released: [] }, ...removed.map((remove) => ({ remove }))]);
      live.set(id, marked(at));
      for (const each of removed) gone.push(live.get(each)!);
      for (const each of removed) live.delete(each);
      if (at % 100 === 99) expect(bytesWith(temp.path, gone)).toEqual([]);
    }
    expect(gone.length).toBeGreaterThan(1_000);
    expect(new Set(bytesWith(temp.path, [...live.values()]).map((found) => found.slice(0, 10))).size).toBe(live.size);
    file.close();
  }, 60_000);
});

describe("a file that is damaged", () => {
  const cases: Array<[string, (temp: Temp) => void]> = [
    ["no database", ({ path }) => writeFileSync(join(path, "sessions.db"), "I think one ".repeat(1_000))],
    ["too short", ({ path }) => writeFileSync(join(path, "sessions.db"), "I think one")],
    [
      "cut",
      ({ path }) =>
        writeFileSync(join(path, "sessions.db"), readFileSync(join(path, "sessions.db")).subarray(0, 5_000)),
    ],
    [
      "changed within an answer",
      ({ path }) => {
        const file = join(path, "sessions.db");
        const bytes = readFileSync(file);
        bytes.write("!", bytes.indexOf("I think one") + 3);
        writeFileSync(file, bytes);
      },
    ],
    [
      "another program's",
      ({ path }) => {
        rmSync(join(path, "sessions.db"));
        const db = new Database(join(path, "sessions.db"));
        db.run("create table mine (words text)");
        db.run("insert into mine values ('I think one')");
        db.close();
      },
    ],
    [
      "of another version",
      ({ path }) => {
        const db = new Database(join(path, "sessions.db"));
        db.run("pragma user_version = 9");
        db.close();
      },
    ],
  ];

  test.each(cases)("(%s) is set aside with a line in the log, and a new one begun", async (_, damage) => {
    await using temp = await createTemp();
    await fill(temp);
    damage(temp);
    const lines: LogLine[] = [];
    const { kept, state } = keptIn(temp.path, { log: logTo(lines) });
    expect(lines).toEqual([
      expect.objectContaining({ level: "warn", message: expect.stringContaining("sessions.db.damaged") }),
    ]);
    expect(JSON.stringify(lines)).not.toContain("I think");
    expect(holds(kept, "one", "two")).toEqual([]);
    kept.keep(answer("c5", "three"));
    expect(modes(temp)["sessions.db.damaged"]).toBe("600");
    // It holds answers too, so it has its time as well.
    utimesSync(`${fileOf(temp)}.damaged`, epoch / 1_000, epoch / 1_000);
    state.now = epoch + 24 * hour + 1;
    kept.touch("c5");
    kept.reconsider();
    expect(existsSync(`${fileOf(temp)}.damaged`)).toBe(false);
    await kept.close();
    expect(storedIn(temp.path)).toEqual({ c5: ["three"] });
  });

  test("is never a link that leads elsewhere: nothing is written there", async () => {
    await using temp = await createTemp();
    const elsewhere = join(temp.path, "elsewhere");
    writeFileSync(elsewhere, "mine");
    symlinkSync(elsewhere, fileOf(temp));
    const lines: LogLine[] = [];
    const { kept } = keptIn(temp.path, { log: logTo(lines) });
    kept.keep(answer("c1", "one"));
    expect(holds(kept, "one")).toEqual(["one"]);
    await kept.close();
    expect(readFileSync(elsewhere, "utf8")).toBe("mine");
    expect(lines).toEqual([expect.objectContaining({ level: "warn" })]);
  });
});

describe("a disk that fails", () => {
  test("fails no answer, is told of once, and has all of them when it works again", async () => {
    await using temp = await createTemp();
    await fill(temp);
    const real = createSessionDisk({ directory: temp.path, log: logTo([]) });
    const trouble = { opens: true, writes: true };
    const disk: SessionDisk = {
      open() {
        if (trouble.opens) throw new Error("no disk");
        const file = real.open();
        return {
          ...file,
          write(changes) {
            if (trouble.writes) throw new Error("disk full");
            file.write(changes);
          },
        };
      },
      remove: real.remove,
    };
    const lines: LogLine[] = [];
    const { kept, state } = keptIn(temp.path, { disk, log: logTo(lines) });
    kept.keep(answer("c2", "three"));
    for (let minute = 1; minute < 5; minute++) {
      state.now += 60_001;
      kept.reconsider();
    }
    trouble.opens = false;
    state.now += 60_001;
    kept.reconsider();
    await waitUntil("a write has failed", () => lines.length === 2);
    trouble.writes = false;
    state.now += 60_001;
    kept.reconsider();
    kept.keep(answer("c2", "four"));
    expect(holds(kept, "three", "four")).toEqual(["three", "four"]);
    await kept.close();
    expect(lines.map(({ fields }) => fields.reason)).toEqual(["no disk", "disk full"]);
    expect(storedIn(temp.path)).toEqual({ c2: ["three", "four"] });
  });

  test("killed while it writes, a process leaves a sound file with whole answers", async () => {
    await using temp = await createTemp();
    for (let round = 1; round <= 5; round++) {
      await using child = startChild(temp, "keep", String(round));
      await child.said(round * 20);
      await child.kill();
      const lines: LogLine[] = [];
      const { kept } = keptIn(temp.path, { log: logTo(lines), now: Date.now() });
      expect(lines).toEqual([]);
      const acknowledged = child.lines();
      for (const print of acknowledged) expect(kept.find("ann", print)?.content).toEqual(answer("c", print).content);
      expect(acknowledged.length).toBeGreaterThanOrEqual(round * 20);
      await kept.close();
    }
    const db = new Database(fileOf(temp), { readonly: true });
    expect(db.query("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    db.close();
  }, 60_000);
});
