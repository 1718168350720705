/** What the CLI tells at the beginning of a conversation is learnt from it, once, and without a trace. */

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createChildren } from "../../src/claude/children.ts";
import { createReminders } from "../../src/claude/reminders.ts";
import { prepareScratch } from "../../src/claude/scratch.ts";
import { claudeBinary } from "../harness/claude.ts";
import { createTemp, type Temp } from "../harness/temp.ts";

/** `lines` of a script that then becomes the CLI; `starts` tells how often it ran. */
async function learning(temp: Temp, lines: string) {
  const bin = join(temp.path, "claude");
  const runs = join(temp.path, "runs");
  writeFileSync(runs, "");
  writeFileSync(bin, `#!/bin/sh\n${lines}\necho >>'${runs}'\nexec '${claudeBinary("newest")}' "$@"\n`);
  chmodSync(bin, 0o755);
  const scratch = await prepareScratch({ path: join(temp.path, "spawn-home"), realConfig: join(temp.home, ".claude") });
  const children = createChildren({
    locate: () => bin,
    scratch,
    upstreamUrl: undefined,
    environment: { PATH: process.env.PATH },
    onRoom: () => {},
    log: { info() {}, warn() {}, error() {} },
  });
  const clock = { now: Date.now() };
  const reminders = createReminders({ children, scratch, now: () => clock.now });
  const starts = () => readFileSync(runs, "utf8").length;
  return { children, reminders, clock, starts, left: () => filesIn(join(scratch.path, "tmp")) };
}

const filesIn = (directory: string) => readdirSync(directory, { recursive: true }).map(String);

test("they are learnt once", async () => {
  await using temp = await createTemp();
  const { reminders, children, starts, left } = await learning(temp, "");
  const [lines, same] = await Promise.all([1, 2].map(() => reminders.of("claude-sonnet-5-5", "it")));
  expect(lines?.map(({ attachment }) => attachment.type)).toEqual(["environment", "model", "date"]);
  expect(same).toBe(lines!);
  expect(await reminders.of("claude-sonnet-5-5", "it")).toBe(lines!);
  expect(starts()).toBe(1);
  await children.close();
  expect(left()).toEqual([]);
}, 30_000);

test("a CLI in another home leaves nothing there, and is asked again after some minutes alone", async () => {
  await using temp = await createTemp();
  const home = join(temp.path, "owner");
  mkdirSync(home);
  const { reminders, children, starts, clock } = await learning(temp, `export HOME='${home}'`);
  for (let time = 0; time < 2; time++) expect(await reminders.of("claude-sonnet-5-5", "it")).toBeNull();
  expect(starts()).toBe(1);
  clock.now += 600_001;
  for (let time = 0; time < 2; time++) expect(await reminders.of("claude-sonnet-5-5", "it")).toBeNull();
  expect(starts()).toBe(2);
  await children.close();
  expect(filesIn(home).filter((name) => name.endsWith(".jsonl"))).toEqual([]);
}, 30_000);
