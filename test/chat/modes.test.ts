/**
 * The same requests get the same answers in both modes, headless and interactive. What the interactive one does not
 * have is listed here: the model's thinking, pieces smaller than a line, the plan's figures, and PDF documents.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Script } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, stream, user } from "./client.ts";

const modes = [
  { mode: "headless", env: {} },
  { mode: "interactive", env: { CLAUDE_TUI_MODE: "true" } },
];
const cases = targets().flatMap((target) => modes.map((each) => ({ target, ...each })));
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tells it.",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

describe.each(cases)("$mode, $target", ({ target, mode, env }) => {
  let simulator: Simulator;
  let ocp: Ocp;
  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator, env: { OCP_LIVE_MAX: "8", CLAUDE_CACHE_TTL: "60000", ...env } });
  });
  beforeEach(() => simulator.reset());
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });
  const answer = (text: string): Script => ({ blocks: [text], usage: { input: 20, output: 5 } });
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${ocp.url}${path}`, { method: "POST", body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as any, headers: response.headers };
  };

  test("says which mode it is", async () => {
    const { tui } = (await (await fetch(`${ocp.url}/health`)).json()) as any;
    expect(tui.enabled).toBe(mode === "interactive");
  });

  test("answers OpenAI's chat, as JSON and as a stream", async () => {
    simulator.play(() => answer("Hello there."));
    const json = await ask(ocp, { messages: [user("As JSON.")] });
    expect(json.status).toBe(200);
    expect(json.body.choices[0]).toMatchObject({ message: { content: "Hello there." }, finish_reason: "stop" });
    expect(json.body.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 5 });
    const streamed = await stream(ocp, { messages: [user("As a stream.")], stream_options: { include_usage: true } });
    expect(streamed).toMatchObject({ status: 200, text: "Hello there.", finishReasons: ["stop"], done: true });
    expect(streamed.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 5 });
  }, 30_000);

  test("answers Anthropic's messages and OpenAI's responses", async () => {
    simulator.play(() => answer("Good."));
    const messages = await post("/v1/messages", { model: "sonnet", max_tokens: 4_000, messages: [user("Messages.")] });
    expect(messages.body).toMatchObject({
      type: "message",
      content: [{ type: "text", text: "Good." }],
      stop_reason: "end_turn",
    });
    const responses = await post("/v1/responses", { model: "sonnet", input: "Responses." });
    expect(responses.body).toMatchObject({ status: "completed", output: [{ content: [{ text: "Good." }] }] });
  }, 30_000);

  test("keeps a conversation in one process", async () => {
    simulator.play(() => answer("Yes."));
    const messages: unknown[] = [user("First of many.")];
    for (let turn = 0; turn < 3; turn++) {
      const { body } = await ask(ocp, { messages });
      messages.push(body.choices[0].message, user(`Next ${turn}.`));
    }
    const asked = simulator.requests.filter(({ path }) => path === "/v1/messages");
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map(({ body }) => (body as any).metadata.user_id)).size).toBe(1);
  }, 30_000);

  test("hands the client's tools on, and their results", async () => {
    simulator.play(({ number, body }) => {
      const name = ((body as any).tools ?? []).map((tool: any) => tool.name)[0];
      return number === 1
        ? { blocks: [{ type: "tool_use", id: "toolu_1", name, input: { city: "Bern" } }] }
        : answer("It is sunny.");
    });
    const messages: unknown[] = [user("What is the weather?")];
    const first = await ask(ocp, { messages, tools: [weather] });
    const { message, finish_reason } = first.body.choices[0];
    expect(finish_reason).toBe("tool_calls");
    expect(message.tool_calls[0].function).toEqual({ name: "get_weather", arguments: '{"city":"Bern"}' });
    messages.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" });
    const second = await ask(ocp, { messages, tools: [weather] });
    expect(second.body.choices[0].message.content).toBe("It is sunny.");
    const asked = simulator.requests.filter(({ path }) => path === "/v1/messages");
    expect(JSON.stringify(asked[1]!.body)).toContain("sunny");
  }, 30_000);

  test("passes errors on with their status, in the dialect's shape", async () => {
    simulator.play(() => ({ status: 529 }));
    expect(
      await post("/v1/messages", { model: "sonnet", max_tokens: 10_000, messages: [user("Overload.")] }),
    ).toMatchObject({
      status: 529,
      body: { type: "error", error: { type: "overloaded_error" } },
    });
    // One that rejects a window of the plan would hold for the tests after it.
    simulator.play(() => ({ status: 429, limits: null }));
    const limited = await ask(ocp, { messages: [user("Too much.")] });
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
  }, 30_000);

  test("answers what was answered before out of the cache", async () => {
    simulator.play(() => answer("Once."));
    for (let time = 0; time < 2; time++) {
      expect((await ask(ocp, { messages: [user("Asked twice.")] })).body.choices[0].message.content).toBe("Once.");
    }
    expect(simulator.requests.filter(({ path }) => path === "/v1/messages")).toHaveLength(1);
  }, 30_000);

  test("stops upstream when its client leaves", async () => {
    simulator.play(() => ({ blocks: ["late"], delayMs: 20_000 }));
    const leaving = new AbortController();
    const asked = fetch(`${ocp.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages: [user("I leave.")] }),
      signal: leaving.signal,
    }).catch(() => null);
    const request = await simulator.message(1);
    leaving.abort();
    await asked;
    expect(await request.ended).toBe("aborted");
  }, 30_000);

  test("leaves no process when the server is killed", async () => {
    await using other = await startOcp({ target, simulator, env: { OCP_LIVE_MAX: "8", ...env } });
    simulator.play(() => answer("Here."));
    await ask(other, { messages: [user("Stay.")] });
    expect(processesAtHome(other.home).length).toBeGreaterThan(1);
    await other.kill();
    await waitUntil("nobody is left", () => processesAtHome(other.home).length === 0);
  }, 30_000);
});

test.each(targets())(
  "turned off by a restart, the interactive mode leaves nothing, even of a server that was killed (%s)",
  async (target) => {
    await using temp = await createTemp();
    const simulator = startSimulator();
    simulator.play(() => ({ blocks: ["Here."] }));
    const kept = join(temp.home, ".ocp", "tui");
    const interactive = await startOcp({
      target,
      simulator,
      temp,
      env: { CLAUDE_TUI_MODE: "true", OCP_LIVE_MAX: "8" },
    });
    expect((await ask(interactive, { messages: [user("A secret of mine.")] })).status).toBe(200);
    await interactive.kill();
    await waitUntil("nobody is left", () => processesAtHome(temp.home).length === 0);
    expect(existsSync(kept)).toBe(true);

    await using headless = await startOcp({ target, simulator, temp });
    expect(existsSync(kept)).toBe(false);
    const { tui } = (await (await fetch(`${headless.url}/health`)).json()) as any;
    expect(tui.enabled).toBe(false);
    expect((await ask(headless, { messages: [user("Another.")] })).body.choices[0].message.content).toBe("Here.");
    await simulator.stop();
  },
  30_000,
);
