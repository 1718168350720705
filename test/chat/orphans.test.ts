/** A server that is killed leaves no process of the CLI behind, whatever it was doing or waiting for. */

import { expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { matrix, startOcp, targets } from "../harness/ocp.ts";
import { waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { ask, stream, user } from "./client.ts";
import { messageRequests } from "./upstream.ts";

const tool = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };

test.each(targets())("running, parked, idle and spare processes end with a killed server (%s)", async (target) => {
  await using simulator = startSimulator({
    scenario: ({ body }) => {
      if (body?.tools && (body.tools as unknown[]).length > 0) {
        return { blocks: [{ type: "tool_use", name: "look", input: {} }], paceMs: 5 };
      }
      const slow = JSON.stringify(body?.messages).includes("slowly");
      return { blocks: [{ type: "text", text: ["One ", "two ", "three."] }], paceMs: slow ? 500 : 5 };
    },
  });
  await using ocp = await startOcp({
    target,
    simulator,
    env: { OCP_SPARES: "1", OCP_LIVE_MAX: undefined },
  });
  await ask(ocp, { messages: [user("Hello.")] });
  await ask(ocp, { messages: [user("Look.")], tools: [tool] });
  const processes = async () => ((await (await fetch(`${ocp.url}/health`)).json()) as any).processes;
  await waitUntil("one of each waits", async () => {
    const { parked, live, spare } = await processes();
    return parked === 1 && live === 1 && spare === 1;
  });
  const running = stream(ocp, { messages: [user("Count slowly.")] });
  running.catch(() => {});
  await simulator.message(3);
  expect((await processes()).running).toBe(1);
  await ocp.kill();
  await waitUntilNobodyAtHome(`${ocp.home}/.ocp`, 10_000);
});

test.each(matrix())(
  "a killed server's processes end instead of asking the model on and on ($name)",
  async ({ target, cli }) => {
    // A model that calls a tool whatever it is told: a process that went on alone would go on for ever.
    await using simulator = startSimulator({
      scenario: ({ number }) => ({
        blocks: [{ type: "tool_use", name: "look", input: {} }],
        delayMs: number === 2 ? 500 : 0,
      }),
    });
    await using ocp = await startOcp({ target, cli, simulator, env: { OCP_LIVE_MAX: undefined } });
    await ask(ocp, { messages: [user("Look.")], tools: [tool] });
    const waiting = stream(ocp, { messages: [user("Look there.")], tools: [tool] });
    waiting.catch(() => {});
    await simulator.message(2);
    await ocp.kill();
    await waitUntilNobodyAtHome(`${ocp.home}/.ocp`);
    // One that waits for results hears of the end a moment before it ends: on a busy machine it may get out one request.
    expect(messageRequests(simulator).length).toBeLessThanOrEqual(3);
  },
);
