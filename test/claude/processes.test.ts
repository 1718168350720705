/** Room in memory is counted by processes: those that run, those that are to come, and those that are not gone yet. */

import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capabilitiesOf } from "../../src/claude/capabilities.ts";
import { createKeptAnswers } from "../../src/claude/kept-answers.ts";
import { createLimits } from "../../src/claude/limits.ts";
import { createProcesses, type ProcessRequest } from "../../src/claude/processes.ts";
import { prepareScratch } from "../../src/claude/scratch.ts";
import { createToolSet } from "../../src/claude/tool-set.ts";
import { wellKnown } from "../../src/core/principal.ts";
import { createTemp } from "../harness/temp.ts";

const MiB = 1024 * 1024;
const silent = { info() {}, warn() {}, error() {} };

/** Processes that do nothing until they are killed, on a machine with memory for two. */
async function roomForTwo() {
  const temp = await createTemp();
  const bin = join(temp.path, "claude");
  writeFileSync(bin, "#!/bin/sh\nexec sleep 300\n");
  chmodSync(bin, 0o755);
  let onRoom = () => {};
  const processes = createProcesses({
    locate: () => bin,
    scratch: await prepareScratch({ path: join(temp.path, "spawn-home"), realConfig: join(temp.home, ".claude") }),
    upstreamUrl: undefined,
    environment: { PATH: process.env.PATH },
    memoryMax: () => 450 * MiB,
    spares: () => 0,
    liveMax: () => 0,
    sessionTtl: () => 60_000,
    starting: () => 0,
    limits: createLimits(() => {}),
    kept: createKeptAnswers({
      hours: () => 0,
      maxBytes: () => 1_000_000,
      disk: null,
      isGone: () => false,
      log: silent,
      now: Date.now,
    }),
    onRoom: () => onRoom(),
    log: silent,
    now: Date.now,
  });
  const request: ProcessRequest = {
    conversation: {
      model: "claude-sonnet-5-5",
      system: "",
      messages: [{ role: "user", content: [{ type: "text", text: "Hi." }] }],
      toolbox: null,
      output: null,
      sampling: { stop: [] },
      hints: [],
    },
    system: "",
    tools: createToolSet([]),
    capabilities: capabilitiesOf("2.1.330"),
    hostTools: null,
    onlyNew: false,
    signal: new AbortController().signal,
    principal: wellKnown("local", "user"),
    login: "sk-ant-oat01-test",
    identity: { kind: "isolated", home: temp.home, token: "sk-ant-oat01-test" },
  };
  return {
    processes,
    checkout: () => processes.checkout(request),
    /** Resolves when a process has given its memory back. */
    room: () =>
      new Promise<void>((resolve) => {
        onRoom = resolve;
      }),
    async [Symbol.asyncDispose]() {
      await processes.close();
      await temp.remove();
    },
  };
}

test("one turn always has room, turns without a process count, and none has room beside two", async () => {
  await using two = await roomForTwo();
  const { processes } = two;
  expect([0, 1, 2, 3].map(processes.hasRoom)).toEqual([true, true, false, false]);
  await two.checkout();
  expect([1, 2].map(processes.hasRoom)).toEqual([true, false]);
  await two.checkout();
  expect([1, 2].map(processes.hasRoom)).toEqual([false, false]);
});

test("a process that was given back takes its memory until it is gone, beside turns that have none yet", async () => {
  await using two = await roomForTwo();
  const { processes } = two;
  const first = await two.checkout();
  first.kill();
  // Another turn was admitted and has no process yet: with the one that is going, these are two.
  expect(processes.hasRoom(1)).toBe(false);
  await two.room();
  expect(processes.hasRoom(1)).toBe(true);
  expect(processes.counts().running).toBe(0);

  const second = await two.checkout();
  const retired = second.retire();
  expect(processes.hasRoom(1)).toBe(false);
  second.session.process.kill();
  await retired;
  expect(processes.hasRoom(1)).toBe(true);
});

test("a process that has answered and is not kept goes, at once where another one wants its memory", async () => {
  await using two = await roomForTwo();
  const { processes } = two;
  const [first, second] = [await two.checkout(), await two.checkout()];
  first.dismiss();
  second.dismiss();
  // It may still say what it knows of the plan, but nobody waits for that.
  expect(processes.counts().running).toBe(0);
  expect(processes.hasRoom(1)).toBe(true);
  await two.checkout();
  expect(processes.memory()).toBeLessThanOrEqual(450 * MiB);
  await first.session.process.exited;
  // This one says nothing, which is not waited for long.
  await second.session.process.exited;
});
