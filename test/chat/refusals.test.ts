/** What a model refuses is held against exactly that: not against requests that run beside it, nor another value. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { ask, user } from "./client.ts";
import { messageRequests } from "./upstream.ts";

const messages = [user("Count.")];

describe.each(targets())("a parameter that the model refuses (%s)", (target) => {
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

  test("by several requests at once is left out by each of them, and from then on at once", async () => {
    simulator.reset();
    const together = Promise.withResolvers<void>();
    simulator.play(async ({ body, number }) => {
      if (body?.temperature === undefined) return undefined;
      // All three are on their way before the first is refused.
      if (number === 3) together.resolve();
      await together.promise;
      return { status: 400, message: "temperature is not supported by this model" };
    });
    const chat = { messages, temperature: 0.5 };
    const answers = await Promise.all([1, 2, 3].map(() => ask(ocp, chat)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const { headers } of answers) expect(headers.get("x-ocp-ignored")).toBe("temperature");

    const before = messageRequests(simulator).length;
    expect((await ask(ocp, chat)).status).toBe(200);
    expect(messageRequests(simulator)).toHaveLength(before + 1);
  });

  test("in one value is still sent in another", async () => {
    simulator.reset();
    const efforts = () => messageRequests(simulator).map(({ body }) => (body as any).output_config?.effort);
    simulator.play(({ body }) =>
      (body as any).output_config?.effort === "max"
        ? { status: 400, message: "output_config.effort: 'max' is not supported by this model" }
        : undefined,
    );
    const ignored = async (reasoning_effort: string) => {
      const { status, headers } = await ask(ocp, { messages, model: "opus", reasoning_effort });
      expect(status).toBe(200);
      return headers.get("x-ocp-ignored");
    };
    expect(await ignored("max")).toBe("reasoning_effort");
    expect(efforts()[0]).toBe("max");
    expect(efforts().at(-1)).not.toBe("max");
    expect(await ignored("low")).toBeNull();
    expect(efforts().at(-1)).toBe("low");
    const before = efforts().length;
    expect(await ignored("max")).toBe("reasoning_effort");
    expect(efforts().slice(before)).toEqual([expect.not.stringContaining("max")]);
  });
});
