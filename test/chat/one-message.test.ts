/** An answer is one upstream message, whatever its end: the CLI by itself would go on, and the user would pay for it. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AnswerScript } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { matrix, type Ocp, startOcp } from "../harness/ocp.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { ask, stream, user } from "./client.ts";

const settings = matrix();
const text: AnswerScript["blocks"] = [{ type: "text", text: ["One ", "two ", "three."] }];

describe.each(settings)("an answer is one upstream message ($name)", ({ target, cli }) => {
  let simulator: Simulator;
  let ocp: Ocp;

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, cli, simulator });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  const messages = [user("Count.")];
  /** How many messages were asked for upstream until every process of the turn was gone. */
  const upstream = async () => {
    await waitUntilNobodyAtHome(`${ocp.home}/.ocp`);
    return simulator.requests.filter(({ path }) => path === "/v1/messages").length;
  };
  /** At a pace, as the vendor's API answers: a whole answer in one packet leaves nobody the time to do anything. */
  const play = (script: AnswerScript) => {
    simulator.reset();
    simulator.play(() => ({ paceMs: 40, ...script }));
  };

  const ends = [
    { name: "a complete answer", script: { blocks: text }, finish: "stop", said: "One two three." },
    { name: "max_tokens", script: { blocks: text, stop: "max_tokens" }, finish: "length", said: "One two three." },
    {
      name: "the end of the window",
      script: { blocks: text, stop: "model_context_window_exceeded" },
      finish: "length",
      said: "One two three.",
    },
    { name: "a refusal", script: { blocks: text, stop: "refusal" }, finish: "content_filter", said: "One two three." },
    { name: "a refusal without a word", script: { blocks: [], stop: "refusal" }, finish: "content_filter", said: "" },
    { name: "an empty answer", script: { blocks: [] }, finish: "stop", said: "" },
  ] satisfies Array<{ name: string; script: AnswerScript; finish: string; said: string }>;

  test.each(ends)("$name ends the stream with its reason, once", async ({ script, finish, said }) => {
    play(script);
    const answer = await stream(ocp, { messages });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(said);
    expect(answer.finishReasons).toEqual([finish]);
    expect(answer.error).toBeUndefined();
    expect(answer.done).toBe(true);
    expect(await upstream()).toBe(1);
  });

  test.each(ends)("$name ends the JSON answer with its reason", async ({ script, finish, said }) => {
    play(script);
    const { status, body } = await ask(ocp, { messages });
    expect(status).toBe(200);
    expect(body.choices).toHaveLength(1);
    expect(body.choices[0].finish_reason).toBe(finish);
    expect(body.choices[0].message.content ?? "").toBe(said);
    expect(await upstream()).toBe(1);
  });

  const faults = [
    { name: "a cut connection", fault: { kind: "cut", after: 2 } },
    { name: "an error event", fault: { kind: "error", after: 2, status: 529 } },
  ] as const;

  test.each(faults)("$name in mid-stream ends with an error frame, never with a reason", async ({ fault }) => {
    play({ blocks: text, fault });
    const answer = await stream(ocp, { messages });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe("One two ");
    expect(answer.finishReasons).toEqual([]);
    expect(answer.error.message).toBeString();
    expect(answer.error.type).toBeString();
    expect(await upstream()).toBe(1);
  });

  test.each(faults)("$name fails a JSON answer with a 5xx", async ({ fault }) => {
    play({ blocks: text, fault });
    const { status, body } = await ask(ocp, { messages });
    expect(status).toBeGreaterThanOrEqual(500);
    expect(body.error.message).toBeString();
    expect(JSON.stringify(body)).not.toContain("One two");
    expect(await upstream()).toBe(1);
  });

  test("a cut before the first word is tried again, and the client reads one answer", async () => {
    simulator.reset();
    simulator.play(({ number }) => ({
      blocks: text,
      ...(number === 1 ? { fault: { kind: "cut", after: 0 } as const } : {}),
    }));
    const answer = await stream(ocp, { messages });
    expect(answer.text).toBe("One two three.");
    expect(answer.finishReasons).toEqual(["stop"]);
    expect(await upstream()).toBe(2);
  });

  test("a tool that the model invents is not answered: the turn ends", async () => {
    play({
      blocks: [
        { type: "text", text: ["Let me see."] },
        { type: "tool_use", name: "get_weather", input: {} },
      ],
    });
    const answer = await stream(ocp, { messages });
    expect(answer.text).toBe("Let me see.");
    expect(answer.finishReasons).toEqual(["stop"]);
    expect(JSON.stringify(answer.frames)).not.toContain("get_weather");
    expect(await upstream()).toBe(1);
  });

  test("an answer that is nothing but an invented tool is a 502, and is not asked for again", async () => {
    play({ blocks: [{ type: "tool_use", name: "get_weather", input: {} }] });
    const { status, body } = await ask(ocp, { messages, stream: true });
    expect(status).toBe(502);
    expect(body.error.message).toContain("a tool that it was not offered");
    expect(JSON.stringify(body)).not.toContain("get_weather");
    expect(await upstream()).toBe(1);
  });

  test("a stop text ends the answer before it, also across two pieces, though the API lets it pass", async () => {
    play({ blocks: [{ type: "text", text: ["One EN", "D two ", "three"] }], paceMs: 20, stop: "end_turn" });
    const answer = await stream(ocp, { messages, stop: ["END"] });
    expect(answer.text).toBe("One ");
    expect(answer.finishReasons).toEqual(["stop"]);
    expect(JSON.stringify(answer.frames)).not.toContain("two");
    expect(await upstream()).toBe(1);
  });
});
