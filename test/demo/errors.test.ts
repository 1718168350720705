/** How the simulated API refuses and fails: statuses, faults in mid-stream, and markers in the prompt. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { vendorErrors } from "../../src/demo/errors.ts";
import type { ErrorStatus, Script } from "../../src/demo/script.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { ask, breaks, parseEvents, post, readAll, replyOf, textOf } from "./ask.ts";

const now = 1_900_000_000_000;
const simulator = startSimulator({ now: () => now });
afterEach(() => simulator.reset());
afterAll(() => simulator.stop());

describe("a scripted status", () => {
  const statuses = Object.entries(vendorErrors).map(([status, { type }]) => ({ status: Number(status), type }));
  test.each(statuses)("$status is a $type, streaming or not", async ({ status, type }) => {
    simulator.play(() => ({ status: status as ErrorStatus, message: "Because." }));
    for (const stream of [true, false]) {
      const response = await ask(simulator, "hi", { stream });
      expect(response.status).toBe(status);
      expect(response.headers.get("x-should-retry")).toBe(String(status === 429 || status >= 500));
      const body = await replyOf(response);
      expect(Object.keys(body)).toEqual(["type", "error", "request_id"]);
      expect(body.error).toEqual({ type, message: "Because." });
      expect(body.request_id).toMatch(/^req_[a-z0-9]{24}$/);
      expect(response.headers.get("request-id")).toBe(body.request_id);
    }
  });

  test("429 says when the plan's window resets", async () => {
    simulator.play(() => ({ status: 429, retryAfter: 90 }));
    const { headers } = await ask(simulator, "hi");
    expect(headers.get("retry-after")).toBe("90");
    expect(headers.get("anthropic-ratelimit-unified-status")).toBe("rejected");
    expect(headers.get("anthropic-ratelimit-unified-reset")).toBe(String(now / 1000 + 90));
    expect(headers.get("anthropic-ratelimit-unified-representative-claim")).toBe("five_hour");
  });

  test("429 may say nothing of the plan, and no other status does", async () => {
    for (const script of [{ status: 429, limits: null }, { status: 529 }] satisfies Script[]) {
      simulator.play(() => script);
      const { headers } = await ask(simulator, "hi");
      expect([...headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
    }
  });
});

describe("refused by itself", () => {
  const messages = [{ role: "user", content: "hi" }];
  const model = "claude-opus-4-6";
  const long = [{ role: "user", content: "x".repeat(4 * 200_000) }];
  const cases = [
    { name: "no JSON", body: "{", status: 400, message: "not valid JSON" },
    { name: "JSON that is no object", body: "[]", status: 400, message: "not valid JSON" },
    { name: "no model", body: { max_tokens: 1, messages }, status: 400, message: "model: Field required" },
    { name: "no max_tokens", body: { model, messages }, status: 400, message: "max_tokens: Field required" },
    { name: "max_tokens 0", body: { model, max_tokens: 0, messages }, status: 400, message: "max_tokens: Input" },
    { name: "no messages", body: { model, max_tokens: 1, messages: [] }, status: 400, message: "at least one" },
    { name: "no message", body: { model, max_tokens: 1, messages: [null] }, status: 400, message: "messages.0" },
    {
      name: "empty text",
      body: { model, max_tokens: 1, messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
      status: 400,
      message: "text content blocks must be non-empty",
    },
    ...["", []].map((content) => ({
      name: `an empty message (${JSON.stringify(content)})`,
      body: { model, max_tokens: 1, messages: [...messages, { role: "assistant", content }, ...messages] },
      status: 400,
      message: "messages.1: all messages must have non-empty content",
    })),
    ...["assistant", "system"].map((role) => ({
      name: `a first message of the ${role}'s`,
      body: { model, max_tokens: 1, messages: [{ role, content: "hi" }, ...messages] },
      status: 400,
      message: 'first message must use the "user" role',
    })),
    {
      name: "a model that is not",
      body: { model: "gpt-1", max_tokens: 1, messages },
      status: 404,
      message: "model: gpt-1",
    },
    {
      name: "a prompt over the window",
      body: { model, max_tokens: 1, messages: long },
      status: 400,
      message: "prompt is too long: 200001 tokens > 200000 maximum",
    },
  ];
  test.each(cases)("$name: $status", async ({ body, status, message }) => {
    const response = await post(simulator, body);
    expect(response.status).toBe(status);
    expect((await replyOf(response)).error).toMatchObject({ message: expect.stringContaining(message) });
  });

  test("a prompt that a newer model's window holds is answered", async () => {
    const response = await post(simulator, { model: "claude-opus-5-5", max_tokens: 1, messages: long });
    expect(response.status).toBe(200);
  });

  test("a system message without content is answered where it sets the effort, as the CLI sends it", async () => {
    const ask = (role: string, more: object) =>
      post(simulator, { model, max_tokens: 1, messages: [...messages, { role, content: [], ...more }, ...messages] });
    const effort = { output_config: { effort: "medium" } };
    const statuses = [ask("system", effort), ask("system", {}), ask("user", effort)].map(
      async (sent) => (await sent).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 400, 400]);
  });

  test("a body over 32 MiB: 413", async () => {
    const response = await ask(simulator, "x".repeat(33 * 1024 * 1024));
    expect(response.status).toBe(413);
    expect((await replyOf(response)).error.type).toBe("request_too_large");
  });

  test("no credential: 401", async () => {
    const response = await ask(simulator, "hi", {}, { headers: {} });
    expect(response.status).toBe(401);
    expect((await replyOf(response)).error.type).toBe("authentication_error");
  });

  test("an x-api-key is a credential too", async () => {
    expect((await ask(simulator, "hi", {}, { headers: { "x-api-key": "k" } })).status).toBe(200);
  });
});

describe("a fault in mid-stream", () => {
  const blocks = [{ type: "text" as const, text: ["a", "b", "c"] }];

  test.each([
    { after: 0, text: "" },
    { after: 2, text: "ab" },
    { after: 9, text: "abc" },
  ])("an error event after $after deltas ends the stream", async ({ after, text }) => {
    simulator.play(() => ({ blocks, fault: { kind: "error", after, status: 500, message: "Broken" } }));
    const events = parseEvents(await (await ask(simulator, "hi", { stream: true })).text());
    expect(textOf(events)).toBe(text);
    expect(events.at(-1)?.data).toMatchObject({ type: "error", error: { type: "api_error", message: "Broken" } });
    expect(events.map(({ event }) => event)).not.toContain("message_delta");
    expect(events.map(({ event }) => event)).not.toContain("message_stop");
  });

  test.each([0, 5])("a cut resets the connection, at a pace of %d ms", async (paceMs) => {
    simulator.play(() => ({ blocks, paceMs, fault: { kind: "cut", after: 2 } }));
    const { text, broken } = await readAll(await ask(simulator, "hi", { stream: true }));
    expect(broken).toBe(true);
    expect(textOf(parseEvents(text))).toBe("ab");
    expect(text).not.toContain("message_stop");
    expect(await (await simulator.message(1)).ended).toBe("cut");
  });

  test("without stream a cut is a connection without an answer", async () => {
    simulator.play(() => ({ blocks, fault: { kind: "cut", after: 0 } }));
    expect(await breaks(ask(simulator, "hi"))).toBe(true);
  });

  test("a test cuts a stalled answer when it has seen what went out", async () => {
    simulator.play(() => ({ blocks, fault: { kind: "stall", after: 3 } }));
    const response = await ask(simulator, "hi", { stream: true });
    const reader = response.body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(textOf(parseEvents(first))).toBe("abc");
    const received = await simulator.message(1);
    received.cut();
    expect(await breaks(reader.read())).toBe(true);
    expect(await received.ended).toBe("cut");
    expect(received.aborted).toBe(false);
  });

  test.each([
    { name: "delayed", script: { blocks, delayMs: 1_000_000 } },
    { name: "paced and not streamed", script: { blocks, paceMs: 1_000_000 } },
    { name: "stalled and not streamed", script: { blocks, fault: { kind: "stall" as const, after: 0 } } },
  ])("a test cuts an answer that is $name, before any of it", async ({ script }) => {
    simulator.play(() => script);
    const answer = ask(simulator, "hi");
    const received = await simulator.message(1);
    received.cut();
    expect(await breaks(answer)).toBe(true);
    expect(await received.ended).toBe("cut");
  });

  test("a stall sends nothing more and keeps the connection, until the client leaves", async () => {
    simulator.play(() => ({ blocks, fault: { kind: "stall", after: 1 } }));
    const client = new AbortController();
    const response = await ask(simulator, "hi", { stream: true }, { signal: client.signal });
    const received = await simulator.message(1);
    const reader = response.body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(textOf(parseEvents(first))).toBe("a");
    const next = reader.read().then(
      () => "more",
      () => "left",
    );
    expect(await Promise.race([next, Bun.sleep(60).then(() => "silence")])).toBe("silence");
    expect(received.aborted).toBe(false);
    client.abort();
    expect(await received.ended).toBe("aborted");
    expect(received.aborted).toBe(true);
    expect(await next).toBe("left");
  });
});

describe("a marker in the last user message", () => {
  const say = async (text: string) => await replyOf(ask(simulator, text));

  test("scripts the answer, wherever it stands, and the last one counts", async () => {
    const text = 'Please [[demo {"blocks":["no"]}]] and [[demo {"blocks":["[[yes]]"],"usage":{"output":7}}]] thanks';
    expect(await say(text)).toMatchObject({
      content: [{ type: "text", text: "[[yes]]" }],
      usage: { output_tokens: 7 },
    });
  });

  test("scripts an error", async () => {
    const response = await ask(simulator, '[[demo {"status":529,"message":"Busy"}]]');
    expect(response.status).toBe(529);
    expect((await replyOf(response)).error).toEqual({ type: "overloaded_error", message: "Busy" });
  });

  test("yields to a scenario, and an earlier message's counts no more", async () => {
    const marked = '[[demo {"blocks":["marked"]}]]';
    simulator.play(() => ({ blocks: ["scenario"] }));
    expect((await say(marked)).content[0].text).toBe("scenario");
    simulator.play(undefined);
    const messages = [
      { role: "user", content: marked },
      { role: "assistant", content: "marked" },
      { role: "user", content: "and now?" },
    ];
    const response = await post(simulator, { model: "claude-sonnet-5-5", max_tokens: 99, messages });
    expect((await replyOf(response)).content[0].text).toEndWith("You said: and now?");
  });

  test.each([
    ["[[demo", 'not closed by "]]"'],
    ['[[demo {"blocks":[]}]', 'not closed by "]]"'],
    ["[[demo ]]", "does not hold JSON"],
    ['[[demo {"blocks": ]]', "does not hold JSON"],
    ["[[demo 5]]", "script must be an object"],
    ["[[demo {}]]", "script needs blocks"],
    ['[[demo {"blocks":[],"pace":1}]]', "script.pace is not known"],
    ['[[demo {"blocks":[],"toString":1}]]', "script.toString is not known"],
    ['[[demo {"blocks":[],"paceMs":-1}]]', "script.paceMs must be a number that is not negative"],
    ['[[demo {"blocks":[],"delayMs":1e12}]]', "script.delayMs must be below"],
    ['[[demo {"blocks":[{"type":"video"}]}]]', "script.blocks.0.type must be one of text, thinking"],
    ['[[demo {"blocks":["a",{"type":"text"}]}]]', "script.blocks.1.text is missing"],
    [
      '[[demo {"blocks":[{"type":"tool_use","name":"x","input":3}]}]]',
      "script.blocks.0.input must be an object or a list",
    ],
    ['[[demo {"blocks":[],"fault":{"kind":"cut"}}]]', "script.fault.after is missing"],
    ['[[demo {"blocks":[],"stop":"tired"}]]', "script.stop must be one of end_turn"],
    ['[[demo {"blocks":[],"usage":{"output":1.5}}]]', "script.usage.output must be a whole number"],
    ['[[demo {"blocks":[],"limits":{"status":"ok"}}]]', "script.limits.status must be one of allowed"],
    ['[[demo {"status":418}]]', "script.status must be one of 400"],
  ])("broken, it is a 400 that says what is wrong: %s", async (text, problem) => {
    const response = await ask(simulator, text);
    expect(response.status).toBe(400);
    const { error } = await replyOf(response);
    expect(error.type).toBe("invalid_request_error");
    expect(error.message).toContain(problem);
  });

  test.each([
    '{"blocks":[{"type":"thinking","thinking":["a"],"signature":"s"},{"type":"redacted_thinking","data":"d"}]}',
    '{"blocks":[{"type":"tool_use","id":"t","name":"n","input":{"a":[["b"]]}},{"type":"tool_use","name":"n","input":["{}"]}]}',
    '{"blocks":[],"delayMs":1,"stop":"refusal","stopSequence":"x","model":"claude-x","usage":{"input":1,"thinking":0}}',
    '{"blocks":["a"],"limits":{"status":"allowed","claim":"five_hour","fiveHour":{"utilization":0.5,"resetsAt":1},"overage":{"status":"rejected"}}}',
  ])("every field of an answer may be given: %s", async (json) => {
    expect((await ask(simulator, `[[demo ${json}]]`)).status).toBe(200);
  });
});
