/** A tool loop of ten steps over HTTP: it stays in its process, and where that is lost another one carries on. */

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Message, ToolUseBlock } from "../../src/core/conversation.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { called, growsByAppending, result, saidUpstream, sessionsOf, text, tool, user } from "../claude/engine.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { dialects, type Reply, say } from "../dialects/say.ts";
import { type Ocp, startOcp, type Target, targets } from "../harness/ocp.ts";
import { descendants, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { messageRequests } from "./upstream.ts";

const steps = 10;
const tools = [tool("read_file"), tool("write_file")];
const contentOf = (step: number) => `content ${step}`;
/** All that the model is told in the end. */
const story = [
  "user: Do it.",
  ...Array.from({ length: steps }, (_, at) => ["assistant: ", `user: ${contentOf(at + 1)}`]).flat(),
];

/** What happens after the fourth step, and which server goes on. */
type Loss = (ocp: Ocp, restart: () => Promise<Ocp>) => Promise<Ocp>;

const losses: Array<{ loss: string; lose: Loss }> = [
  {
    loss: "the process killed",
    async lose(ocp) {
      await killProcesses(ocp);
      return ocp;
    },
  },
  {
    loss: "the server restarted",
    async lose(ocp, restart) {
      expect(await ocp.stop()).toBe(0);
      return restart();
    },
  },
  {
    loss: "both killed and the server started anew",
    async lose(ocp, restart) {
      await killProcesses(ocp);
      await ocp.kill();
      return restart();
    },
  },
];

describe.each(targets())("a ten-step tool loop (%s)", (target) => {
  const ways = dialects.flatMap((dialect) => [true, false].map((stream) => ({ name: dialect.name, dialect, stream })));

  test.each(ways)("uses one process and eleven requests ($name, streaming: $stream)", async ({ dialect, stream }) => {
    await using loop = await begin(target, dialect, stream);
    for (let step = 1; step <= steps; step++) await loop.step(step);
    await loop.end();
    expect(loop.pids.size).toBe(1);
    const bodies = loop.upstream();
    expect(sessionsOf(bodies).size).toBe(1);
    expect(growsByAppending(bodies)).toBe(true);
    await loop.expectNothingLeft();
  });

  const cases = losses.flatMap((each) => dialects.map((dialect) => ({ ...each, name: dialect.name, dialect })));

  test.each(cases)("with $loss after its fourth step still ends right ($name)", async ({ dialect, lose }) => {
    await using loop = await begin(target, dialect, true);
    for (let step = 1; step <= 4; step++) await loop.step(step);
    await loop.lose(lose);
    for (let step = 5; step <= steps; step++) await loop.step(step);
    await loop.end();
    expect(loop.pids.size).toBe(2);
    const bodies = loop.upstream();
    expect(sessionsOf(bodies).size).toBe(2);
    for (const ofOne of [bodies.slice(0, 4), bodies.slice(4)]) {
      expect(sessionsOf(ofOne).size).toBe(1);
      expect(growsByAppending(ofOne)).toBe(true);
    }
    await loop.expectNothingLeft();
  });
});

/** The client's side of a loop, and the model's, which calls `read_file` ten times and is done. */
async function begin(target: Target, dialect: Dialect, stream: boolean) {
  const simulator = startSimulator({
    scenario: ({ number }) =>
      number <= steps ? { blocks: [called(`toolu_${number}`)], paceMs: 1 } : { blocks: ["All done."], paceMs: 1 },
  });
  const temp = await createTemp();
  const start = () => startOcp({ target, simulator, temp, env: { OCP_LIVE_MAX: undefined } });
  let ocp = await start();
  const messages: Message[] = [user("Do it.")];
  const pids = new Set<number>();

  const ask = async (state: string[]): Promise<Reply> => {
    const reply = await say(ocp.url, dialect, { messages, stream, tools });
    expect(reply).toMatchObject({ status: 200, complete: true, error: null });
    const waiting = await sessions(ocp);
    expect(waiting).toMatchObject([{ messages: messages.length + 1 }]);
    expect(state).toContain(waiting[0]!.state);
    pids.add(waiting[0]!.pid);
    expect(processesOf(ocp)).toEqual(waiting.map(({ pid }) => pid));
    return reply;
  };

  return {
    pids,
    upstream: () => messageRequests(simulator).map(({ body }) => body as any),
    async step(number: number) {
      const { content } = await ask(["parked"]);
      expect(content).toMatchObject([{ type: "tool_use", name: "read_file", input: { path: `toolu_${number}` } }]);
      const { id } = content[0] as ToolUseBlock;
      messages.push({ role: "assistant", content }, user(result(id, contentOf(number))));
    },
    async lose(lose: Loss) {
      ocp = await lose(ocp, start);
    },
    /** The answer, and all that the model was told on the way to it. */
    async end() {
      const { content } = await ask(["settling", "idle"]);
      expect(content).toEqual([text("All done.")]);
      const requests = this.upstream();
      expect(requests).toHaveLength(steps + 1);
      expect(requests.map(saidUpstream)).toEqual(requests.map((_, at) => story.slice(0, 2 * at + 1)));
    },
    async expectNothingLeft() {
      expect(await (await fetch(`${ocp.url}/sessions`, { method: "DELETE" })).json()).toEqual({
        cleared: 1,
        forgotten: 0,
      });
      await waitUntilNobodyAtHome(scratchOf(ocp));
      expect(await ocp.stop()).toBe(0);
      expect(readdirSync(join(scratchOf(ocp), "tmp"))).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      await ocp[Symbol.asyncDispose]();
      await simulator.stop();
      await temp.remove();
    },
  };
}

const scratchOf = ({ home }: Ocp) => join(home, ".ocp", "spawn-home");

/** The pids of its processes of the CLI. */
const processesOf = (ocp: Ocp) =>
  descendants(ocp.pid)
    .filter(({ command }) => command.includes("stream-json"))
    .map(({ pid }) => pid);

async function killProcesses(ocp: Ocp): Promise<void> {
  for (const { pid } of await sessions(ocp)) process.kill(pid, "SIGKILL");
}

async function sessions(ocp: Ocp): Promise<Array<{ pid: number; state: string; messages: number }>> {
  return ((await (await fetch(`${ocp.url}/sessions`)).json()) as any).sessions;
}
