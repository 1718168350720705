/** The home that the CLI runs in, and the owner's own: what turns leave there, and what they survive. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { called, user as content, result, tool } from "../claude/engine.ts";
import { messages as anthropic } from "../dialects/messages.ts";
import { say } from "../dialects/say.ts";
import { matrix, type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { descendants, waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, stream, user } from "./client.ts";

const settings = matrix();
const messages = [user("Hi.")];

describe.each(targets())("the scratch home (%s)", (target) => {
  let simulator: Simulator;
  let ocp: Ocp;
  let home: string;

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator });
    home = join(ocp.home, ".ocp", "spawn-home");
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  const answered = async () => expect((await ask(ocp, { messages })).status).toBe(200);
  /** All that lies there once the processes are gone and swept up after. */
  const entries = async () => {
    await waitUntilNobodyAtHome(home);
    const tmp = join(home, "tmp");
    await waitUntil("the last is swept up", () => readdirSync(tmp).length === 0);
    // A killed process may leave the lock of a file that it wrote: one beside the file, which the next one takes over.
    const all = readdirSync(home, { recursive: true, encoding: "utf8" });
    return all.filter((name) => !name.endsWith(".lock")).sort();
  };

  test("does not grow with the turns", async () => {
    await answered();
    await answered();
    const before = await entries();
    await Promise.all(Array.from({ length: 8 }, answered));
    expect(await entries()).toEqual(before);
  });

  test("keeps no log of a client's tools once their process is gone", async () => {
    await using tools = await startOcp({ target, simulator, env: { OCP_LIVE_MAX: undefined } });
    simulator.play(({ body }) => {
      const failed = JSON.stringify(body?.messages).includes("tool_result");
      return { blocks: failed ? ["It failed."] : [called("toolu_1", "read_file", {})] };
    });
    const logs = () => {
      const files = readdirSync(join(tools.home, ".ocp"), { recursive: true, encoding: "utf8" });
      return files.filter((name) => name.endsWith(".jsonl"));
    };
    const conversation = [content("Read it.")];
    for (const next of [content(result("toolu_1", "The disk is full.", { is_error: true })), content("Thank you.")]) {
      const reply = await say(tools.url, anthropic, {
        messages: conversation,
        tools: [tool("read_file")],
        stream: false,
      });
      expect(reply).toMatchObject({ status: 200, complete: true });
      conversation.push({ role: "assistant", content: reply.content }, next);
    }
    await waitUntil("the CLI has written its log", () => logs().length > 0);
    await fetch(`${tools.url}/sessions`, { method: "DELETE" });
    await waitUntil("the log is gone", () => logs().length === 0);
  });

  test("may be deleted while the server runs: the running turn ends well, and the next one too", async () => {
    simulator.reset();
    simulator.play(() => ({ blocks: ["One two three four"], paceMs: 50 }));
    const running = stream(ocp, { messages });
    await simulator.message(1);
    rmSync(home, { recursive: true });
    expect(await running).toMatchObject({ text: "One two three four", finishReasons: ["stop"] });
    rmSync(home, { recursive: true, force: true });
    await answered();
  });
});

describe.each(settings)("a configuration of the CLI that a power cut truncated ($name)", ({ target, cli }) => {
  test("is replaced at the start, and a request is answered", async () => {
    await using temp = await createTemp();
    await using simulator = startSimulator();
    const home = join(temp.path, "data", "spawn-home");
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, ".claude.json"), '{"numStartups": 3, "tru');
    const env = { OCP_DIR_OVERRIDE: join(temp.path, "data") };
    await using ocp = await startOcp({ target, cli, simulator, env });
    expect((await ask(ocp, { messages })).status).toBe(200);
    expect(JSON.parse(readFileSync(join(home, ".claude.json"), "utf8"))).toBeObject();
  });
});

describe.each(targets())("the owner's home (%s)", (target) => {
  test("keeps every file of the owner's, also one that is named like a process", async () => {
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator });
    // Process ids are given in order: those of the next turns are among these.
    const names = Array.from({ length: 400 }, (_, i) => ocp.pid + i).flatMap((pid) => [
      `${pid}.tax-return.pdf`,
      `.claude/sessions/${pid}.json`,
    ]);
    mkdirSync(join(ocp.home, ".claude", "sessions"), { recursive: true });
    for (const name of names) writeFileSync(join(ocp.home, name), "mine");
    const pids: number[] = [];
    for (let turn = 1; turn <= 3; turn++) {
      const answer = ask(ocp, { messages });
      await simulator.message(turn);
      pids.push(...descendants(ocp.pid).map(({ pid }) => pid));
      expect((await answer).status).toBe(200);
    }
    await waitUntilNobodyAtHome(join(ocp.home, ".ocp"));
    await waitUntil(
      "they are swept up after",
      () => readdirSync(join(ocp.home, ".ocp", "spawn-home", "tmp")).length === 0,
    );
    expect(pids.some((pid) => names.includes(`${pid}.tax-return.pdf`))).toBe(true);
    const left = readdirSync(ocp.home, { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => !left.includes(name))).toEqual([]);
  });
});
