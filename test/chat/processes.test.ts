/** Processes come and go with the turns: nothing is left of a client that left, of a killed child, of a dead server. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ScriptBlock } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { descendants, openFiles, processesAtHome, waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { ask, post, readStream, stream, user } from "./client.ts";

const scratchOf = (ocp: Ocp) => join(ocp.home, ".ocp", "spawn-home");
const health = async (ocp: Ocp) => (await (await fetch(`${ocp.url}/health`)).json()) as any;
const messages = [user("Count.")];
const words: ScriptBlock = { type: "text", text: ["One ", "two ", "three."] };
const endless = {
  blocks: [{ type: "text" as const, text: Array.from({ length: 2_000 }, (_, i) => `word${i} `) }],
  paceMs: 10,
};

describe.each(targets())("processes (%s)", (target) => {
  let simulator: Simulator;
  let ocp: Ocp;

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  const leavings = [
    { name: "a streaming client", body: { messages, stream: true }, init: {} },
    { name: "a client that waits for JSON", body: { messages }, init: {} },
  ];

  test.each(leavings)(
    "$name that leaves stops the turn upstream within 300 ms and frees its place",
    async ({ body }) => {
      simulator.reset();
      simulator.play(() => endless);
      const leaving = new AbortController();
      const answer = post(ocp, body, { signal: leaving.signal }).then((response) => response.text());
      answer.catch(() => {});
      const request = await simulator.message(1);
      await waitUntil("the child runs", () => processesAtHome(scratchOf(ocp)).length > 0);

      const left = performance.now();
      leaving.abort();
      await request.ended;
      expect(performance.now() - left).toBeLessThan(300);
      expect(await request.ended).toBe("aborted");
      await waitUntilNobodyAtHome(scratchOf(ocp), 1_000);
      expect((await health(ocp)).concurrency.inflight).toBe(0);
      expect(simulator.requests.filter(({ path }) => path === "/v1/messages")).toHaveLength(1);
    },
  );

  test("a child that is killed in mid-stream gives its client an error frame, and nobody else anything", async () => {
    simulator.reset();
    simulator.play(({ number }) => (number === 1 ? endless : { blocks: [words], paceMs: 200 }));
    const victim = stream(ocp, { messages });
    await simulator.message(1);
    const [child] = await waitUntil("the child runs", () => {
      const found = descendants(ocp.pid);
      return found.length > 0 && found;
    });
    const other = stream(ocp, { messages: [user("Something else.")] });
    await simulator.message(2);
    process.kill(child!.pid, "SIGKILL");

    const [cut, whole] = await Promise.all([victim, other]);
    expect(cut.error.message).toBeString();
    expect(cut.finishReasons).toEqual([]);
    expect(whole.text).toBe("One two three.");
    expect(whole.finishReasons).toEqual(["stop"]);
    expect(whole.error).toBeUndefined();
    await waitUntilNobodyAtHome(scratchOf(ocp));
  });

  test("a client that leaves while its long message is handed over costs nothing but its own turn", async () => {
    simulator.reset();
    for (let round = 1; round <= 3; round++) {
      const leaving = new AbortController();
      const answer = post(ocp, { messages: [user("a".repeat(20e6))] }, { signal: leaving.signal });
      answer.catch(() => {});
      await waitUntil(
        "the child runs",
        () => descendants(ocp.pid).some(({ command }) => command.includes("-p")),
        10_000,
      );
      leaving.abort();
      await waitUntilNobodyAtHome(scratchOf(ocp));
    }
    expect(simulator.requests.filter(({ path }) => path === "/v1/messages")).toEqual([]);
    expect((await ask(ocp, { messages })).status).toBe(200);
    expect(ocp.stderr()).not.toContain("EPIPE");
    expect(ocp.stderr()).not.toContain("rejection");
  }, 30_000);

  test("a killed process leaves no file of its own behind", async () => {
    simulator.reset();
    simulator.play(() => ({ blocks: [words] }));
    const files = () => {
      const all = readdirSync(scratchOf(ocp), { recursive: true, encoding: "utf8" });
      return all.filter((name) => /(^|\/)(\d+\.(sock|json|[0-9a-f]+\.key)|\.claude\.json\.tmp\..*)$/.test(name)).sort();
    };
    await ask(ocp, { messages });
    await waitUntil("the leftovers are gone", () => files().length === 0);
  });

  const total = target === "binary" ? 200 : 40;
  test(`${total} requests at eight in flight, a quarter of which leave, cost no process, place or descriptor`, async () => {
    simulator.reset();
    simulator.play(({ body }) => {
      const text = JSON.stringify(body?.messages);
      const [, number] = /question (\d+)/.exec(text) ?? [];
      return { blocks: [{ type: "text", text: ["answer ", "number ", `${number}`] }], paceMs: 15 };
    });
    await ask(ocp, { messages: [user("question 0")] });
    await waitUntilNobodyAtHome(scratchOf(ocp));
    const filesBefore = openFiles(ocp.pid);

    let next = 1;
    const wrong: unknown[] = [];
    let answered = 0;
    const worker = async () => {
      while (next <= total) {
        const number = next++;
        const leaves = number % 4 === 0;
        const init = leaves ? { signal: AbortSignal.timeout(50 + ((number * 7919) % 700)) } : {};
        try {
          const streaming = number % 2 === 0 || number % 3 === 0;
          const response = await post(ocp, { messages: [user(`question ${number}`)], stream: streaming }, init);
          const text = streaming
            ? (await readStream(response)).text
            : ((await response.json()) as any).choices[0].message.content;
          if (text !== `answer number ${number}`) wrong.push({ number, text });
          answered++;
        } catch (error) {
          if (!leaves) wrong.push({ number, error: String(error) });
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));

    expect(wrong).toEqual([]);
    expect(answered).toBeGreaterThanOrEqual(total * 0.75);
    await waitUntilNobodyAtHome(scratchOf(ocp));
    const { concurrency } = await health(ocp);
    expect(concurrency).toMatchObject({ inflight: 0, queued: 0 });
    await waitUntil("the descriptors are closed", () => openFiles(ocp.pid) <= filesBefore + 2);
  }, 180_000);
});

describe.each(targets())("the end of the server (%s)", (target) => {
  test("a server that is killed leaves no child after its turn", async () => {
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator });
    simulator.play(() => ({ blocks: [words], paceMs: 300 }));
    const turns = [stream(ocp, { messages }), ask(ocp, { messages: [user("Another.")] })];
    for (const turn of turns) turn.catch(() => {});
    await Promise.all([simulator.message(1), simulator.message(2)]);
    await ocp.kill();
    await waitUntilNobodyAtHome(scratchOf(ocp), 10_000);
  });

  test("a stop lets the running answer end, refuses new ones, and leaves no child", async () => {
    await using simulator = startSimulator();
    await using ocp = await startOcp({ target, simulator });
    simulator.play(() => ({ blocks: [words], paceMs: 300 }));
    const running = stream(ocp, { messages });
    await simulator.message(1);
    const code = ocp.stop();
    const answer = await running;
    expect(answer.text).toBe("One two three.");
    expect(answer.finishReasons).toEqual(["stop"]);
    expect(await code).toBe(0);
    expect(processesAtHome(scratchOf(ocp))).toEqual([]);
    await expect(post(ocp, { messages })).rejects.toThrow();
  });
});
