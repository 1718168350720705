/** Parameters and settings of a chat: what reaches the model's API, what is left out and said so, what ends a turn. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { MessagesBody } from "../../src/demo/request.ts";
import { type Scenario, type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, type Target, targets } from "../harness/ocp.ts";
import { processesAtHome, waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { ask, assistant, post, readStream, stream, user } from "./client.ts";
import { messageRequests, onlyRequest, sentMessages, sentSystem, sessionOf } from "./upstream.ts";

const messages = [user("Count.")];
const answer = { blocks: [{ type: "text" as const, text: ["One ", "two ", "three."] }], paceMs: 5 };
/** Models whose thinking the CLI turns off when told to; it keeps that of the newest ones on, whatever is asked. */
const canStopThinking = "claude-sonnet-5";

/** A server and its simulated API for all tests of a `describe`. */
function serving(target: Target, env: Record<string, string> = {}) {
  const served = {} as { simulator: Simulator; ocp: Ocp };
  beforeAll(async () => {
    served.simulator = startSimulator();
    served.ocp = await startOcp({ target, simulator: served.simulator, env });
  });
  afterAll(async () => {
    await served.ocp[Symbol.asyncDispose]();
    await served.simulator.stop();
  });
  return served;
}

describe.each(targets())("parameters (%s)", (target) => {
  const served = serving(target);

  const play = (scenario: Scenario = () => answer) => {
    served.simulator.reset();
    served.simulator.play(scenario);
  };
  const asked = async (parameters: Record<string, unknown>) => {
    const { status, headers, body } = await ask(served.ocp, { messages, ...parameters });
    return { status, body, ignored: headers.get("x-ocp-ignored") };
  };
  /** The body upstream of a chat with these parameters. */
  const sent = async (parameters: Record<string, unknown>): Promise<MessagesBody> => {
    play();
    expect(await asked(parameters)).toMatchObject({ status: 200, ignored: null });
    return onlyRequest(served.simulator).body!;
  };

  test("reach the API under its own names", async () => {
    const body = await sent({ temperature: 0.3, top_p: 0.9, stop: ["END", "STOP"], max_tokens: 5000 });
    expect(body).toMatchObject({ temperature: 0.3, top_p: 0.9, stop_sequences: ["END", "STOP"], max_tokens: 5000 });
  });

  test("max_completion_tokens wins over max_tokens, and one stop text needs no list", async () => {
    const body = await sent({ max_completion_tokens: 3000, max_tokens: 5000, stop: "END", temperature: 0 });
    expect(body).toMatchObject({ max_tokens: 3000, stop_sequences: ["END"], temperature: 0 });
  });

  test("that the client does not send are left to the CLI", async () => {
    await sent({ temperature: 0.3, top_p: 0.9, stop: "END", max_tokens: 5000, reasoning_effort: "max" });
    const body = await sent({});
    expect(body).not.toHaveProperty("temperature");
    expect(body).not.toHaveProperty("top_p");
    expect(body).not.toHaveProperty("stop_sequences");
    expect(body.max_tokens).toBeGreaterThan(5000);
    expect(body.output_config).not.toMatchObject({ effort: "max" });
  });

  test("max_tokens is a limit: the answer ends there", async () => {
    play(() => ({ blocks: ["word ".repeat(100)], paceMs: 20 }));
    const { text, finishReasons, usage } = await stream(served.ocp, {
      messages,
      max_tokens: 10,
      stream_options: { include_usage: true },
    });
    expect(text).toBe("word ".repeat(8));
    expect(finishReasons).toEqual(["length"]);
    expect(usage.completion_tokens).toBe(10);
    expect(onlyRequest(served.simulator).body?.max_tokens).toBe(10);
  });

  test.each([
    { level: "minimal", effort: "low" },
    { level: "low", effort: "low" },
    { level: "medium", effort: "medium" },
    { level: "high", effort: "high" },
    { level: "xhigh", effort: "xhigh" },
    { level: "max", effort: "max" },
  ])("reasoning_effort $level reaches the API as $effort", async ({ level, effort }) => {
    const body = await sent({ reasoning_effort: level });
    expect(body.output_config).toMatchObject({ effort });
    expect(body.thinking).toMatchObject({ type: "adaptive" });
  });

  test("reasoning_effort none turns thinking off, and context_management goes with it", async () => {
    const body = await sent({ model: canStopThinking, reasoning_effort: "none" });
    expect(body.thinking).toEqual({ type: "disabled" });
    expect(body).not.toHaveProperty("context_management");
  });

  test("where the newest models cannot stop thinking, none is little thinking, and said to be ignored", async () => {
    play();
    expect(await asked({ model: "sonnet", reasoning_effort: "none" })).toMatchObject({
      status: 200,
      ignored: "reasoning_effort",
    });
    expect(onlyRequest(served.simulator).body).toMatchObject({ output_config: { effort: "low" } });
  });

  test("a small max_tokens is for the answer, so thinking is off; a large one is for both", async () => {
    const small = await sent({ model: canStopThinking, max_tokens: 300 });
    expect(small).toMatchObject({ max_tokens: 300, thinking: { type: "disabled" } });
    const large = await sent({ model: canStopThinking, max_tokens: 5000 });
    expect(large).toMatchObject({ max_tokens: 5000, thinking: { type: "adaptive" } });
  });

  test("a thinking budget fits into max_tokens, for models that think by one", async () => {
    const body = await sent({ model: "claude-haiku-4-5", max_tokens: 5000, reasoning_effort: "high" });
    const thinking = body.thinking as { type: string; budget_tokens: number };
    expect(thinking.type).toBe("enabled");
    expect(thinking.budget_tokens).toBeGreaterThanOrEqual(1024);
    expect(thinking.budget_tokens).toBeLessThan(5000);
  });

  test("that nothing can honour are accepted, and named", async () => {
    const parameters = { seed: 7, presence_penalty: 0.5, logit_bias: { 50: -100 }, user: "ann", metadata: { a: "b" } };
    play();
    expect(await asked(parameters)).toMatchObject({ status: 200, ignored: "seed, presence_penalty, logit_bias" });
    expect(JSON.stringify(onlyRequest(served.simulator).body)).not.toMatch(/"(seed|presence_penalty|logit_bias)"/);
    const { headers, text } = await stream(served.ocp, { messages, ...parameters });
    expect(headers.get("x-ocp-ignored")).toBe("seed, presence_penalty, logit_bias");
    expect(text).toBe("One two three.");
  });

  /** A model that refuses a parameter whenever it comes. */
  const refusing = (name: string, message: string): Scenario => {
    return ({ body }) => (name in body! ? { status: 400, message } : answer);
  };
  const sessions = () => new Set(messageRequests(served.simulator).map(sessionOf)).size;

  const refusals = [
    {
      name: "temperature",
      given: { temperature: 0.3 },
      message: "`temperature` may only be set to 1 when thinking is enabled.",
    },
    { name: "top_p", given: { top_p: 0.5 }, message: "`top_p` cannot be set for this model." },
  ];
  test.each(refusals)("$name that a model refuses is left out, said so, and not tried again", async (refused) => {
    const { name, given, message } = refused;
    const model = "claude-opus-5";
    play(refusing(name, message));
    expect(await asked({ model, ...given })).toMatchObject({ status: 200, ignored: name });
    const requests = messageRequests(served.simulator);
    expect(requests[0]!.body).toHaveProperty(name);
    expect(requests.at(-1)!.body).not.toHaveProperty(name);
    expect(sessions()).toBe(2);

    play(refusing(name, message));
    const second = await stream(served.ocp, { model, messages, ...given });
    expect(second.text).toBe("One two three.");
    expect(second.headers.get("x-ocp-ignored")).toBe(name);
    expect(onlyRequest(served.simulator).body).not.toHaveProperty(name);

    const other = await sent({ model: "claude-opus-4-8", ...given });
    expect(other).toMatchObject(given);
  });

  test("what a model refuses only while it thinks is sent when it does not", async () => {
    const given = { model: canStopThinking, temperature: 0.3 };
    const message = "`temperature` may only be set to 1 when thinking is enabled.";
    const isThinking = ({ thinking }: MessagesBody) => (thinking as { type: string }).type !== "disabled";
    const scenario: Scenario = ({ body }) =>
      isThinking(body!) && body!.temperature !== undefined ? { status: 400, message } : answer;
    play(scenario);
    expect(await asked(given)).toMatchObject({ status: 200, ignored: "temperature" });
    play(scenario);
    expect(await asked({ ...given, reasoning_effort: "none" })).toMatchObject({ status: 200, ignored: null });
    expect(onlyRequest(served.simulator).body).toMatchObject({ temperature: 0.3, thinking: { type: "disabled" } });
  });

  test("stop texts that a model refuses are left out upstream, and end the answer all the same", async () => {
    play(({ body }) =>
      body!.stop_sequences
        ? { status: 400, message: "stop_sequences: not supported by this model" }
        : { blocks: ["One END two."], stop: "end_turn" },
    );
    const { status, body, ignored } = await asked({ model: "claude-opus-4-7", stop: ["END"] });
    expect(status).toBe(200);
    expect(body.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "One " } });
    expect(ignored).toBeNull();
    expect(sessions()).toBe(2);
  });

  test("a parameter is not held against the model when leaving it out did not help", async () => {
    const given = { model: "claude-opus-4-6", temperature: 0.3 };
    play(() => ({ status: 400, message: "`temperature` is only one of the things that are wrong here." }));
    expect(await asked(given)).toMatchObject({ status: 400, ignored: null });
    expect(await sent(given)).toMatchObject({ temperature: 0.3 });
  });

  test("a 429 that is not the plan's tells clients to try again, not to give up", async () => {
    play(() => ({ status: 429, limits: null, retryAfter: 1 }));
    const response = await post(served.ocp, { messages });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await response.json()) as any).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  });

  test("a 400 about something else is the client's, though parameters were sent", async () => {
    play(() => ({ status: 400, message: "messages.0.content: something is wrong with it" }));
    const { status, body, ignored } = await asked({ temperature: 0.3, top_p: 0.9, stop: "END" });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      type: "invalid_request_error",
      message: "messages.0.content: something is wrong with it",
    });
    expect(ignored).toBeNull();
    // The newest CLI itself repeats a refused request without its own extras; a second process would be our doing.
    expect(sessions()).toBe(1);
  });

  test.each([false, true])(
    "a prompt over the model's window is a 400 that clients know (stream: %p)",
    async (streams) => {
      play();
      const long = { model: "claude-haiku-4-5", messages: [user("0123456789".repeat(90_000))], stream: streams };
      const response = await post(served.ocp, long);
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as any;
      expect(error).toMatchObject({ type: "invalid_request_error", code: "context_length_exceeded" });
      expect(error.message).not.toContain("0123456789");
      expect(onlyRequest(served.simulator).bytes).toBeGreaterThan(900_000);
    },
  );
});

describe.each(targets())("the operator's settings for prompts (%s)", (target) => {
  const served = serving(target, { CLAUDE_SYSTEM_PROMPT: "House rule.", CLAUDE_MAX_PROMPT_CHARS: "1000" });
  const sent = async (body: Record<string, unknown>) => {
    served.simulator.reset();
    const { status, headers } = await ask(served.ocp, body);
    expect(status).toBe(200);
    return { request: onlyRequest(served.simulator), truncated: headers.get("x-ocp-truncated") };
  };
  const texts = (...words: string[]) => words.map((text) => ({ type: "text", text }));

  test("CLAUDE_SYSTEM_PROMPT comes last in the system prompt, and alone where there is no other", async () => {
    const system = [
      { role: "system", content: "Be brief." },
      user("Hi."),
      { role: "developer", content: "Use English." },
    ];
    const { request, truncated } = await sent({ messages: system });
    expect(sentSystem(request)).toBe("Be brief.\n\nHouse rule.");
    expect(JSON.stringify(request.body?.messages)).toContain("Use English.");
    expect(truncated).toBeNull();
    expect(sentSystem((await sent({ messages: [user("Hi.")] })).request)).toBe("House rule.");
  });

  test("CLAUDE_MAX_PROMPT_CHARS drops the oldest messages but the first question, and says so", async () => {
    const filler = (letter: string) => letter.repeat(300);
    const { request, truncated } = await sent({
      messages: [
        user("First question."),
        assistant(filler("a")),
        user(filler("b")),
        assistant(filler("c")),
        user(filler("d")),
        assistant(filler("e")),
        user("Last question."),
      ],
    });
    expect(sentMessages(request)).toEqual([
      user(texts("First question.")),
      assistant(texts(filler("c"))),
      user(texts(filler("d"))),
      assistant(texts(filler("e"))),
      user(texts("Last question.")),
    ]);
    expect(truncated).toBe("2");
  });

  test("what does not fit even so is refused, and nothing is sent upstream", async () => {
    served.simulator.reset();
    const { status, body } = await ask(served.ocp, { messages: [user("x".repeat(1100))] });
    expect(status).toBe(400);
    expect(body.error.code).toBe("context_length_exceeded");
    expect(messageRequests(served.simulator)).toEqual([]);
  });
});

describe.each(targets())("CLAUDE_TIMEOUT before the first word (%s)", (target) => {
  const served = serving(target, { CLAUDE_TIMEOUT: "1000" });

  test("is a 504, streaming or not, and the process is gone", async () => {
    served.simulator.play(() => ({ ...answer, fault: { kind: "stall", after: 0 } }));
    const answers = [post(served.ocp, { messages }), post(served.ocp, { messages, stream: true })];
    const scratch = join(served.ocp.home, ".ocp");
    await waitUntil("both processes run", () => processesAtHome(scratch).length === 2);
    for (const response of await Promise.all(answers)) {
      expect(response.status).toBe(504);
      expect(await response.json()).toMatchObject({ error: { type: "server_error", code: "timeout" } });
    }
    await waitUntilNobodyAtHome(scratch, 1000);
    expect(messageRequests(served.simulator).length).toBeLessThanOrEqual(2);
  });
});

describe.each(targets())("CLAUDE_TIMEOUT and CLAUDE_HEARTBEAT_INTERVAL after the first words (%s)", (target) => {
  const served = serving(target, { CLAUDE_TIMEOUT: "3000", CLAUDE_HEARTBEAT_INTERVAL: "100" });

  test("comments keep a stalled stream open until an error frame ends it, and the process is gone", async () => {
    served.simulator.play(() => ({ ...answer, fault: { kind: "stall", after: 2 } }));
    const response = await post(served.ocp, { messages, stream: true });
    const raw = await response.clone().text();
    const { status, text, error, finishReasons, done } = await readStream(response);
    expect(status).toBe(200);
    expect(text).toBe("One two ");
    expect(error).toMatchObject({ type: "server_error", code: "timeout" });
    expect(finishReasons).toEqual([]);
    expect(done).toBe(false);
    const stalled = raw.slice(raw.indexOf('"two "'), raw.indexOf('"error"'));
    expect(stalled.match(/\n: keepalive\n\n/g)!.length).toBeGreaterThan(3);
    await waitUntilNobodyAtHome(join(served.ocp.home, ".ocp"), 1000);
    expect(await onlyRequest(served.simulator).ended).toBe("aborted");
  });
});
