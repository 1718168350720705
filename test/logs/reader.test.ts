/** The log is read from its end, over its files, and followed as it grows. */

import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { LogEntry } from "../../src/core/logs.ts";
import { messages, openLog } from "./fixture.ts";

const GiB = 1024 ** 3;
const line = (message: string, level = "info") =>
  `${JSON.stringify({ time: "2026-01-01T00:00:00.000Z", level, message })}\n`;

describe("the tail", () => {
  test("of a log that was never written is empty", async () => {
    await using opened = await openLog();
    expect(await opened.reader.tail(200, "all")).toEqual([]);
  });

  test("is the last entries in their order, of as many files as it takes", async () => {
    await using opened = await openLog();
    mkdirSync(opened.directory);
    const names = ["ocp-2026-01-01T00-00-00-000Z-1.log", "ocp-2026-01-02T00-00-00-000Z-1.log", "ocp.log"];
    names.forEach((name, file) => {
      const lines = Array.from({ length: 10 }, (_, i) => line(`${file}${i}`)).join("");
      writeFileSync(join(opened.directory, name), lines);
    });
    expect(messages(await opened.reader.tail(3, "all"))).toEqual(["27", "28", "29"]);
    expect(messages(await opened.reader.tail(12, "all"))).toEqual(
      ["18", "19", ..."0123456789"].map((i) => (i.length > 1 ? i : `2${i}`)),
    );
    expect(await opened.reader.tail(200, "all")).toHaveLength(30);
  });

  test("holds what was written this very moment", async () => {
    await using opened = await openLog();
    opened.log.info("just now");
    expect(messages(await opened.reader.tail(1, "all"))).toEqual(["just now"]);
  });

  test.each([
    ["error", ["e1", "e2"]],
    ["warn", ["w1", "e1", "w2", "e2"]],
    ["info", ["i1", "w1", "e1", "i2", "w2", "e2"]],
    ["all", ["i1", "w1", "e1", "i2", "w2", "e2"]],
  ] as const)("at %s has only what is as bad", async (filter, expected) => {
    await using opened = await openLog();
    for (const round of [1, 2]) {
      opened.log.info(`i${round}`);
      opened.log.warn(`w${round}`);
      opened.log.error(`e${round}`);
    }
    expect(messages(await opened.reader.tail(200, filter))).toEqual([...expected]);
  });

  test("leaves out what is no entry, and reads characters that lie across two pieces", async () => {
    await using opened = await openLog();
    mkdirSync(opened.directory);
    const odd = ["", "null", "7", "[]", "plain words", '{"time":1}', '{"time":"x","level":"loud","message":"m"}'];
    const wide = Array.from({ length: 40 }, (_, i) => line(`${"ü€😀".repeat(1_000)}${i}`)).join("");
    writeFileSync(opened.current, `${odd.join("\n")}\n${wide}\ufffd{\n${line("last")}`);
    const entries = messages(await opened.reader.tail(200, "all"));
    expect(entries).toHaveLength(41);
    expect(entries.every((text, i) => text === (i < 40 ? `${"ü€😀".repeat(1_000)}${i}` : "last"))).toBe(true);
  });

  test("of a file larger than memory costs no more than its end", async () => {
    await using opened = await openLog();
    mkdirSync(opened.directory);
    writeFileSync(opened.current, "");
    truncateSync(opened.current, 40 * GiB);
    appendFileSync(opened.current, `\n${line("first")}${line("second", "warn")}`);
    expect(messages(await opened.reader.tail(2, "all"))).toEqual(["first", "second"]);
    // What is not found is looked for in a part of it alone.
    expect(messages(await opened.reader.tail(200, "error"))).toEqual([]);
  }, 20_000);

  test("says so when the log cannot be read", async () => {
    await using opened = await openLog();
    mkdirSync(join(opened.directory, "ocp.log"), { recursive: true });
    expect(await opened.reader.tail(5, "all")).toEqual([]);
    rmSync(opened.directory, { recursive: true });
    mkdirSync(opened.directory);
    symlinkSync("ocp.log", opened.current);
    expect(opened.reader.tail(5, "all")).rejects.toThrow("The log cannot be read (ELOOP).");
  });

  test("does not wait for a pipe in the place of the file", async () => {
    await using opened = await openLog();
    mkdirSync(opened.directory);
    expect(Bun.spawnSync(["mkfifo", opened.current]).exitCode).toBe(0);
    expect(await opened.reader.tail(5, "all")).toEqual([]);
    opened.log.info("x");
    opened.log.flush();
    expect(openSync(opened.current, "r+")).toBeGreaterThan(0);
  });
});

describe("following", () => {
  /** Reads so many entries more. */
  const take = async (entries: AsyncGenerator<LogEntry, void, void>, count: number) => {
    const taken: LogEntry[] = [];
    while (taken.length < count) {
      const { value, done } = await entries.next();
      if (done) break;
      taken.push(value as LogEntry);
    }
    return messages(taken);
  };

  test("begins with the last entries, goes on with each that comes, and ends with its signal", async () => {
    await using opened = await openLog();
    const stop = new AbortController();
    for (let i = 0; i < 5; i++) opened.log.info(`old ${i}`);
    const entries = opened.reader.follow(2, "all", stop.signal);
    expect(await take(entries, 2)).toEqual(["old 3", "old 4"]);
    opened.log.info("new 1");
    opened.log.info("new 2");
    expect(await take(entries, 2)).toEqual(["new 1", "new 2"]);
    const rest = take(entries, 1);
    stop.abort();
    expect(await rest).toEqual([]);
  });

  test("waits for a log that is not there yet", async () => {
    await using opened = await openLog();
    const stop = new AbortController();
    const entries = opened.reader.follow(2, "warn", stop.signal);
    const first = take(entries, 1);
    opened.log.info("not wanted");
    opened.log.warn("wanted");
    opened.log.flush();
    expect(await first).toEqual(["wanted"]);
    stop.abort();
    await entries.return();
  });

  test("misses nothing over several new files at once", async () => {
    await using opened = await openLog({ maxBytes: 1_000, keep: 100 });
    const stop = new AbortController();
    opened.log.info("start");
    const entries = opened.reader.follow(1, "all", stop.signal);
    expect(await take(entries, 1)).toEqual(["start"]);
    for (let i = 0; i < 100; i++) opened.log.info(`entry ${i}`);
    opened.log.flush();
    expect(opened.files().length).toBeGreaterThan(5);
    expect(await take(entries, 100)).toEqual(Array.from({ length: 100 }, (_, i) => `entry ${i}`));
    stop.abort();
    await entries.return();
  });

  test("repeats nothing when somebody removes, empties or moves the file", async () => {
    await using opened = await openLog({ maxBytes: 200, keep: 100 });
    const stop = new AbortController();
    for (let i = 0; i < 10; i++) opened.log.info(`entry ${i}`);
    const entries = opened.reader.follow(1, "all", stop.signal);
    expect(await take(entries, 1)).toEqual(["entry 9"]);
    rmSync(opened.current);
    opened.log.info("after the removal");
    opened.log.flush();
    expect(await take(entries, 1)).toEqual(["after the removal"]);
    const next = take(entries, 1);
    await Bun.sleep(0);
    truncateSync(opened.current, 0);
    appendFileSync(opened.current, line("short"));
    expect(await next).toEqual(["short"]);
    renameSync(opened.current, `${opened.current}.mine`);
    opened.log.info("after the move");
    opened.log.flush();
    expect(await take(entries, 1)).toEqual(["after the move"]);
    stop.abort();
    await entries.return();
  });

  test("gives a line when it is whole", async () => {
    await using opened = await openLog();
    const stop = new AbortController();
    mkdirSync(opened.directory);
    const whole = line("two halves ü");
    const bytes = Buffer.from(whole);
    const cut = bytes.indexOf(0xc3) + 1;
    writeFileSync(opened.current, bytes.subarray(0, cut));
    const entries = opened.reader.follow(5, "all", stop.signal);
    const next = take(entries, 1);
    await Bun.sleep(0);
    appendFileSync(opened.current, bytes.subarray(cut));
    expect(await next).toEqual(["two halves ü"]);
    stop.abort();
    await entries.return();
  });
});
