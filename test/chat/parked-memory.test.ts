/** Parked calls hold memory that their client may never ask back: OCP_MEMORY_MAX binds them, and nobody waits for them. */

import { describe, expect, test } from "bun:test";
import type { Message, ToolUseBlock } from "../../src/core/conversation.ts";
import type { ReceivedRequest } from "../../src/demo/recorder.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { called, result, tool, user } from "../claude/engine.ts";
import { messages as dialect } from "../dialects/messages.ts";
import { say } from "../dialects/say.ts";
import { type Ocp, startOcp, type Target, targets } from "../harness/ocp.ts";
import { slowdown, startProbe } from "../harness/probe.ts";
import { descendants, waitUntil } from "../harness/processes.ts";

const MiB = 1024 * 1024;
const tools = [tool("read_file")];
/** Enough for so many conversations. */
const memoryFor = (count: number) => (70 + count * 170) * MiB;
const lastMessage = ({ body }: ReceivedRequest) =>
  JSON.stringify((body?.messages ?? []).filter(({ role }) => role === "user").at(-1));

/** A server with three keys; the model calls a tool where it is given one, and says which result it got. */
async function begin(target: Target, count: number, env: Record<string, string | undefined> = {}) {
  const simulator = startSimulator();
  /** Resolves when so many requests of this word wait for their answers, which then come. */
  let gate: { word: string; count: number; open: () => void; opened: Promise<void> } | null = null;
  simulator.play(async (request) => {
    const last = lastMessage(request);
    if (gate && last.includes(gate.word)) {
      if (--gate.count === 0) gate.open();
      await gate.opened;
    }
    const [, number] = /content (\d+)/.exec(last) ?? [];
    if (number) return { blocks: [`Done ${number}.`] };
    const [, task] = /task (\d+)/.exec(last) ?? [];
    return { blocks: [task ? called(`toolu_${task}`) : "Hello."] };
  });
  const ocp = await startOcp({
    target,
    simulator,
    env: { OCP_LIVE_MAX: undefined, OCP_MEMORY_MAX: String(memoryFor(count)), ...env },
  });
  const [greedy = "", other = "", third = ""] = await Promise.all(
    ["greedy", "other", "third"].map(async (name) => {
      const response = await fetch(`${ocp.url}/api/keys`, { method: "POST", body: JSON.stringify({ name }) });
      return ((await response.json()) as { key: string }).key;
    }),
  );
  const ask = async (key: string, messages: Message[], tools_ = tools) => {
    const asked = { messages, tools: tools_, stream: false };
    const { content, ...reply } = await say(ocp.url, dialect, asked, { headers: { authorization: `Bearer ${key}` } });
    expect(reply).toMatchObject({ status: 200, error: null });
    return content;
  };
  return {
    ocp,
    simulator,
    keys: { greedy, other, third },
    ask,
    /** Asks for a call, which is left without its result. */
    async park(key: string, number: number): Promise<Message[]> {
      const content = await ask(key, [user(`task ${number}`)]);
      expect(content).toMatchObject([{ type: "tool_use", input: { path: `toolu_${number}` } }]);
      const { id } = content[0] as ToolUseBlock;
      return [user(`task ${number}`), { role: "assistant", content }, user(result(id, `content ${number}`))];
    },
    /** From now on answers to what holds `word` come when so many of them have been asked for. */
    gate(word: string, count: number): Promise<void> {
      const { promise: opened, resolve: open } = Promise.withResolvers<void>();
      gate = { word, count, open, opened };
      return opened;
    },
    async [Symbol.asyncDispose]() {
      await ocp[Symbol.asyncDispose]();
      await simulator.stop();
    },
  };
}

async function health({ url }: Ocp): Promise<any> {
  return (await fetch(`${url}/health`)).json();
}

/** The conversations that have a process. */
async function sessionsOf({ url }: Ocp): Promise<Array<{ state: string; principal: string; pid: number }>> {
  const { sessions } = (await (await fetch(`${url}/sessions`)).json()) as any;
  return sessions.filter(({ state }: any) => state !== "hibernated");
}

/** Looks again and again, until it is asked for the most that was seen. */
function watchMemory(ocp: Ocp) {
  const most = { estimate: 0, processes: 0 };
  let watching = true;
  const ended = (async () => {
    while (watching) {
      most.estimate = Math.max(most.estimate, (await health(ocp)).memory.estimate);
      const running = descendants(ocp.pid).filter(({ command }) => command.includes("stream-json"));
      most.processes = Math.max(most.processes, running.length);
      await Bun.sleep(30);
    }
  })();
  return async () => {
    watching = false;
    await ended;
    return most;
  };
}

const body = { model: "claude-sonnet-4-6", max_tokens: 100, messages: [{ role: "user", content: "Hi." }] };

describe.each(targets())("where memory is short (%s)", (target) => {
  test("unanswered calls of one key stay within it, hold up nobody, and their loops still end right", async () => {
    await using server = await begin(target, 3);
    const { ocp, keys, ask, park, gate } = server;
    await using probe = startProbe(ocp, { key: keys.other, path: "/v1/messages", body });
    await probe.answers(3);
    const undisturbed = await probe.lap();
    const watched = watchMemory(ocp);
    const loops: Message[][] = [];
    for (let number = 1; number <= 6; number++) loops.push(await park(keys.greedy, number));
    await probe.lap();
    await probe.answers(3);
    const disturbed = await probe.lap();
    expect(undisturbed.failures).toEqual([]);
    expect(disturbed.failures).toEqual([]);
    expect(slowdown(disturbed, undisturbed, 500)).toBeLessThan(2.5);
    expect(disturbed.peakRss).toBeLessThan(undisturbed.peakRss + 64 * MiB);
    expect(disturbed.cpuMs / disturbed.answers).toBeLessThan(
      3 * Math.max(undisturbed.cpuMs / undisturbed.answers, 100),
    );
    await probe[Symbol.asyncDispose]();

    // Two of another key at once: neither waits for the end of the other, nor for a call that nobody answers.
    const together = gate("Hello both.", 2);
    const both = Promise.all([1, 2].map(() => ask(keys.other, [user("Hello both.")], [])));
    const first = await Promise.race([together.then(() => "together"), Bun.sleep(20_000).then(() => "one by one")]);
    expect(first).toBe("together");
    await both;

    for (const [at, loop] of loops.entries()) {
      expect(await ask(keys.greedy, loop)).toEqual([{ type: "text", text: `Done ${at + 1}.` }]);
    }
    const most = await watched();
    expect(most.estimate).toBeLessThanOrEqual(memoryFor(3));
    // One that was just killed may still be listed.
    expect(most.processes).toBeLessThanOrEqual(4);
  }, 240_000);

  test("one key's calls end none of another key that holds its share, in memory or by number", async () => {
    for (const [count, env] of [
      [3, {}],
      [20, { OCP_LIVE_MAX: "3" }],
    ] as const) {
      await using server = await begin(target, count, env);
      const { ocp, keys, ask, park } = server;
      const loop = await park(keys.other, 1);
      const [mine] = await sessionsOf(ocp);
      for (let number = 2; number <= 5; number++) await park(keys.greedy, number);
      const left = await sessionsOf(ocp);
      expect(left).toHaveLength(3);
      expect(left.map(({ pid }) => pid)).toContain(mine!.pid);
      expect(await ask(keys.other, loop)).toEqual([{ type: "text", text: "Done 1." }]);
      expect((await sessionsOf(ocp)).find(({ pid }) => pid === mine!.pid)).toMatchObject({
        state: expect.stringMatching(/settling|idle/),
      });
    }
  }, 240_000);

  test("results wait for no room, since their processes are there already", async () => {
    await using server = await begin(target, 3);
    const { ocp, keys, ask, park, gate } = server;
    const loops: Message[][] = [];
    for (const number of [1, 2, 3]) loops.push(await park(keys.greedy, number));
    const pids = (await sessionsOf(ocp)).map(({ pid }) => pid).sort();
    const together = gate("content", 3);
    const answers = Promise.all(loops.map((loop) => ask(keys.greedy, loop)));
    const how = await Promise.race([together.then(() => "together"), Bun.sleep(20_000).then(() => "one by one")]);
    expect(how).toBe("together");
    expect((await answers).flat()).toMatchObject([1, 2, 3].map((number) => ({ text: `Done ${number}.` })));
    expect((await sessionsOf(ocp)).map(({ pid }) => pid).sort()).toEqual(pids);
  }, 120_000);

  test("a turn that ends with a call lets the next one in, while others still run", async () => {
    await using server = await begin(target, 2);
    const { ocp, keys, ask, park, gate, simulator } = server;
    gate("Hold on.", 2);
    const held = ask(keys.other, [user("Hold on.")], []);
    await simulator.message(1);
    const parked = park(keys.greedy, 1);
    const waiting = ask(keys.third, [user("Hello.")], []);
    await parked;
    const how = await Promise.race([waiting.then(() => "let in"), Bun.sleep(20_000).then(() => "waits on")]);
    expect(how).toBe("let in");
    await ask(keys.third, [user("Hold on.")], []);
    await held;
    expect((await health(ocp)).memory.estimate).toBeLessThanOrEqual(memoryFor(2));
  }, 120_000);

  test("a limit that is lowered while the server runs ends waiting calls, and their loops still end right", async () => {
    await using server = await begin(target, 4, { OCP_MEMORY_MAX: undefined });
    const { ocp, keys, ask, park } = server;
    const limit = async (count: number) => {
      const body = JSON.stringify({ memoryMax: memoryFor(count) });
      expect((await fetch(`${ocp.url}/settings`, { method: "PATCH", body })).status).toBe(200);
    };
    await limit(4);
    const loops: Message[][] = [];
    for (const number of [1, 2, 3, 4]) loops.push(await park(keys.greedy, number));
    const pids = (await sessionsOf(ocp)).map(({ pid }) => pid);
    await limit(2);
    expect((await health(ocp)).memory.estimate).toBe(memoryFor(2));
    // The oldest went.
    expect((await sessionsOf(ocp)).map(({ pid }) => pid)).toEqual(pids.slice(2));
    await waitUntil("they are gone", () => !descendants(ocp.pid).some(({ pid }) => pids.slice(0, 2).includes(pid)));
    for (const [at, loop] of loops.entries()) {
      expect(await ask(keys.greedy, loop)).toEqual([{ type: "text", text: `Done ${at + 1}.` }]);
    }
  }, 120_000);
});
