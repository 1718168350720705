/** The log's files: their rights, their rotation, and that trouble with them is nobody else's. */

import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { messages, openLog } from "./fixture.ts";

const rights = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("only the owner can read them, also where an older version was open", async () => {
  await using opened = await openLog();
  mkdirSync(opened.directory);
  writeFileSync(opened.current, "");
  chmodSync(opened.directory, 0o755);
  chmodSync(opened.current, 0o644);
  opened.log.info("x");
  opened.log.flush();
  expect([rights(opened.directory), rights(opened.current)]).toEqual(["700", "600"]);
});

test("a line is in the file a moment later, without anybody's doing", async () => {
  await using opened = await openLog();
  opened.log.info("by itself");
  await waitUntil("it is written", () => {
    return existsSync(opened.current) && readFileSync(opened.current, "utf8").includes("by itself");
  });
});

describe("rotation", () => {
  test("begins a new file at the limit and keeps as many older ones as it should, the newest", async () => {
    await using opened = await openLog({ maxBytes: 1_000, keep: 2 });
    for (let i = 0; i < 100; i++) {
      opened.log.info(`entry ${i}`);
      opened.log.flush();
    }
    expect(opened.files()).toHaveLength(3);
    for (const name of opened.files()) {
      const { size } = statSync(join(opened.directory, name));
      expect(size).toBeLessThan(1_000 + 200);
      expect(rights(join(opened.directory, name))).toBe("600");
    }
    const kept = messages(await opened.reader.tail(200, "all"));
    expect(kept.at(-1)).toBe("entry 99");
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `entry ${100 - kept.length + i}`));
    expect(kept.length).toBeGreaterThan(20);
  });

  test("loses nothing and splits no line when all comes at once", async () => {
    await using opened = await openLog({ maxBytes: 2_000, keep: 100 });
    for (let i = 0; i < 150; i++) opened.log.info(`entry ${i}`);
    expect(messages(await opened.reader.tail(200, "all"))).toEqual(Array.from({ length: 150 }, (_, i) => `entry ${i}`));
    expect(opened.files().length).toBeGreaterThan(5);
  });

  test("follows a change of the limits while it runs", async () => {
    await using opened = await openLog({ maxBytes: 500, keep: 10 });
    const fill = () => {
      for (let i = 0; i < 40; i++) opened.log.info("x");
      opened.log.flush();
    };
    fill();
    expect(opened.files().length).toBeGreaterThan(3);
    opened.limits.keep = 1;
    fill();
    expect(opened.files()).toHaveLength(2);
    opened.limits.maxBytes = 0;
    const before = opened.written();
    fill();
    expect(readFileSync(opened.current, "utf8")).toBe(before);
    expect(opened.said().split("\n").length).toBe(121);
  });
});

test("a burst that comes before anything could be written is whole", async () => {
  await using opened = await openLog({ maxBytes: 100_000_000 });
  const long = "x".repeat(3_900);
  for (let i = 0; i < 600; i++) opened.log.info(`entry ${i}`, { long });
  const lines = opened.written().trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(Array.from({ length: 600 }, (_, i) => `entry ${i}`));
});

describe("trouble", () => {
  test("with a full disk is said once, loses nothing that fits in memory, and ends by itself", async () => {
    await using opened = await openLog();
    mkdirSync(opened.directory);
    symlinkSync("/dev/full", opened.current);
    const before = statSync("/dev/full").mode;
    for (let i = 0; i < 5; i++) {
      opened.log.info(`entry ${i}`);
      opened.log.flush();
    }
    expect(opened.said().match(/cannot be written.*code=ENOSPC/g)).toHaveLength(1);
    expect(statSync("/dev/full").mode).toBe(before);
    rmSync(opened.current);
    expect(opened.written()).toContain("entry 0");
    opened.log.info("after");
    expect(messages(await opened.reader.tail(200, "all"))).toEqual([
      ...["entry 0", "entry 1", "entry 2", "entry 3", "entry 4"],
      ...["the log file is written again", "after"],
    ]);
    expect(opened.said()).toContain("is written again\n");
  });

  test("that lasts keeps the newest lines, and says how many are lost", async () => {
    await using opened = await openLog({ maxBytes: 100_000_000 });
    writeFileSync(opened.directory, "a file where the directory belongs");
    const long = "x".repeat(3_900);
    for (let i = 0; i < 600; i++) opened.log.info(`entry ${i}`, { long });
    opened.log.flush();
    expect(opened.said()).toMatch(/cannot be written: .* code=E\w+\n/);
    rmSync(opened.directory);
    const written = opened.written().trimEnd().split("\n");
    const lost = Number(/again lost=(\d+)\n/.exec(opened.said())?.[1]);
    expect(JSON.parse(written[0]!).message).toBe(`entry ${lost}`);
    expect(JSON.parse(written.at(-1)!).message).toBe("entry 599");
    expect(lost).toBeGreaterThan(300);
    expect(lost).toBeLessThan(400);
  });

  test.each([
    ["the file is removed", (path: string) => rmSync(path)],
    ["the directory is removed", (path: string) => rmSync(join(path, ".."), { recursive: true })],
    ["the file is moved away", (path: string) => renameSync(path, `${path}.old`)],
  ])("is none when %s: a new one is begun", async (_, disturb) => {
    await using opened = await openLog();
    opened.log.info("before");
    opened.log.flush();
    disturb(opened.current);
    opened.log.info("after");
    expect(opened.written()).toContain("after");
    expect(opened.written()).not.toContain("before");
    expect(opened.said()).not.toContain("cannot");
  });

  test("of an earlier day, a line that was cut off, harms no other", async () => {
    await using opened = await openLog();
    mkdirSync(opened.directory);
    appendFileSync(opened.current, '{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"cut o');
    opened.log.info("whole");
    expect(messages(await opened.reader.tail(200, "all"))).toEqual(["whole"]);
  });
});

test("processes that write at the same time, over rotations, tear no line and lose none", async () => {
  await using temp = await createTemp();
  const directory = join(temp.path, "logs");
  const writers = Array.from({ length: 4 }, (_, writer) =>
    Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), directory, String(writer), "400"], {
      env: testEnv(temp.home),
      stdout: "ignore",
      stderr: "pipe",
    }),
  );
  for (const writer of writers) {
    expect(await writer.exited).toBe(0);
    expect(await writer.stderr.text()).toBe("");
  }
  const files = readdirSync(directory);
  expect(files.length).toBeGreaterThan(3);
  // The last to rotate may have had nothing more to write: that file is empty. Every other one ends with a whole line.
  const texts = files.map((name) => readFileSync(join(directory, name), "utf8")).filter((text) => text !== "");
  expect(texts.filter((text) => !text.endsWith("}\n"))).toEqual([]);
  // One that finds another's line half written begins with an end of line: an empty one is all that can come of it.
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  const seen = lines.map((line) => JSON.parse(line)).map(({ writer, number }) => `${writer} ${number}`);
  expect(new Set(seen).size).toBe(4 * 400);
  expect(seen).toHaveLength(4 * 400);
});
