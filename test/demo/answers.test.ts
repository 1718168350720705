/** What the simulated API answers, and how the request's own limits cut it. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import type { AnswerScript } from "../../src/demo/script.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { ask, parseEvents, post, readAll, replyOf, textOf } from "./ask.ts";

const simulator = startSimulator();
afterEach(() => simulator.reset());
afterAll(() => simulator.stop());

const everything: AnswerScript = {
  blocks: [
    { type: "thinking", thinking: ["Let me ", "see."], signature: "c2ln" },
    { type: "redacted_thinking", data: "cmVkYWN0ZWQ=" },
    { type: "text", text: ["Grüße ", "🙂", "!"] },
    { type: "tool_use", id: "toolu_1", name: "read", input: ['{"path":', '"a"}'] },
    { type: "tool_use", name: "list", input: {} },
  ],
  usage: { input: 3, cacheRead: 100, cacheWrite: 20, output: 50, thinking: 9 },
};

const usage = {
  input_tokens: 3,
  cache_read_input_tokens: 100,
  cache_creation_input_tokens: 20,
  output_tokens: 50,
  output_tokens_details: { thinking_tokens: 9 },
};

test("a stream holds every kind of block, opened, grown and closed in order", async () => {
  simulator.play(() => everything);
  const response = await ask(simulator, "hi", { stream: true });
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  const events = parseEvents(await response.text());

  expect(events.map(({ data }) => `${data.index ?? ""} ${data.delta?.type ?? data.type}`.trim())).toEqual([
    "message_start",
    "ping",
    "0 content_block_start",
    "0 thinking_delta",
    "0 thinking_delta",
    "0 signature_delta",
    "0 content_block_stop",
    "1 content_block_start",
    "1 content_block_stop",
    "2 content_block_start",
    "2 text_delta",
    "2 text_delta",
    "2 text_delta",
    "2 content_block_stop",
    "3 content_block_start",
    "3 input_json_delta",
    "3 input_json_delta",
    "3 content_block_stop",
    "4 content_block_start",
    "4 input_json_delta",
    "4 content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  expect(textOf(events)).toBe("Grüße 🙂!");
  const started = events.filter(({ event }) => event === "content_block_start").map(({ data }) => data.content_block);
  expect(started[1]).toEqual({ type: "redacted_thinking", data: "cmVkYWN0ZWQ=" });
  expect(started[3]).toEqual({ type: "tool_use", id: "toolu_1", name: "read", input: {} });
  expect(started[4]?.id).toMatch(/^toolu_[a-z0-9]{24}$/);
  expect(events.at(-2)?.data.delta).toEqual({ stop_reason: "tool_use", stop_sequence: null });
  expect(events.at(-2)?.data.usage).toEqual(usage);
  expect(events[0]?.data.message?.usage).toMatchObject({
    input_tokens: 3,
    cache_read_input_tokens: 100,
    output_tokens: 1,
  });
});

test("without stream the same script is one message", async () => {
  simulator.play(() => everything);
  const message = await replyOf(ask(simulator, "hi"));
  expect(message).toMatchObject({
    type: "message",
    role: "assistant",
    model: "claude-sonnet-5-5",
    stop_reason: "tool_use",
  });
  expect(message.content).toEqual([
    { type: "thinking", thinking: "Let me see.", signature: "c2ln" },
    { type: "redacted_thinking", data: "cmVkYWN0ZWQ=" },
    { type: "text", text: "Grüße 🙂!" },
    { type: "tool_use", id: "toolu_1", name: "read", input: { path: "a" } },
    { type: "tool_use", id: expect.stringMatching(/^toolu_/), name: "list", input: {} },
  ]);
  expect(message.usage).toMatchObject(usage);
});

test("an empty message has a stop reason and no block", async () => {
  simulator.play(() => ({ blocks: [] }));
  const events = parseEvents(await (await ask(simulator, "hi", { stream: true })).text());
  expect(events.map(({ event }) => event)).toEqual(["message_start", "ping", "message_delta", "message_stop"]);
  expect(events[2]?.data.delta).toEqual({ stop_reason: "end_turn", stop_sequence: null });
});

test.each(["refusal", "model_context_window_exceeded", "max_tokens", "end_turn"] as const)(
  "a script may end with %s",
  async (stop) => {
    simulator.play(() => ({ blocks: ["Some text"], stop }));
    expect((await replyOf(ask(simulator, "hi"))).stop_reason).toBe(stop);
  },
);

describe("the request's own limits", () => {
  const script: AnswerScript = { blocks: [{ type: "text", text: ["one two ", "three", " four"] }, "five"] };
  const cases = [
    {
      name: "room enough",
      more: { max_tokens: 100 },
      text: "one two three fourfive",
      stop: "end_turn",
      sequence: null,
    },
    {
      name: "room to the last character",
      more: { max_tokens: 6 },
      text: "one two three fourfive",
      stop: "end_turn",
      sequence: null,
    },
    { name: "two tokens", more: { max_tokens: 2 }, text: "one two ", stop: "max_tokens", sequence: null },
    { name: "three tokens", more: { max_tokens: 3 }, text: "one two thre", stop: "max_tokens", sequence: null },
    {
      name: "a sequence across chunks",
      more: { stop_sequences: ["wo thr"] },
      text: "one t",
      stop: "stop_sequence",
      sequence: "wo thr",
    },
    {
      name: "the earliest sequence",
      more: { stop_sequences: ["four", "three"] },
      text: "one two ",
      stop: "stop_sequence",
      sequence: "three",
    },
    {
      name: "a sequence in the second block",
      more: { stop_sequences: ["ve"] },
      text: "one two three fourfi",
      stop: "stop_sequence",
      sequence: "ve",
    },
    {
      name: "a sequence that never comes",
      more: { stop_sequences: ["six"] },
      text: "one two three fourfive",
      stop: "end_turn",
      sequence: null,
    },
    {
      name: "max_tokens before the sequence",
      more: { max_tokens: 1, stop_sequences: ["three"] },
      text: "one ",
      stop: "max_tokens",
      sequence: null,
    },
  ];
  test.each(cases)("$name", async ({ more, text, stop, sequence }) => {
    simulator.play(() => script);
    const events = parseEvents(await (await ask(simulator, "hi", { stream: true, ...more })).text());
    expect(textOf(events)).toBe(text);
    expect(events.at(-2)?.data.delta).toEqual({ stop_reason: stop, stop_sequence: sequence });
    const message = await replyOf(ask(simulator, "hi", more));
    expect(message).toMatchObject({ stop_reason: stop, stop_sequence: sequence });
  });
});

describe("without a script", () => {
  test("the answer says that it is simulated and shows what came in, without the CLI's reminders", async () => {
    const content = [
      { type: "text", text: "<system-reminder>\nsecret date\n</system-reminder>\n" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
      { type: "text", text: "What is this?" },
    ];
    const messages = [
      { role: "user", content: "first" },
      { role: "assistant", content: "second" },
      { role: "user", content },
      { role: "system", content: "The date has changed." },
    ];
    const response = await post(simulator, { model: "claude-opus-5-5", max_tokens: 99, messages });
    const [{ text }] = (await replyOf(response)).content;
    expect(text).toBe(
      "This is a simulated answer: no model was asked. claude-opus-5-5 would have got 3 messages and 1 image or document. You said: What is this?",
    );
  });

  test("it streams in words", async () => {
    const events = parseEvents(await (await ask(simulator, "hello there", { stream: true })).text());
    const deltas = events.filter(({ event }) => event === "content_block_delta").map(({ data }) => data.delta?.text);
    expect(deltas.length).toBeGreaterThan(10);
    expect(deltas.slice(0, 3)).toEqual(["This ", "is ", "a "]);
    expect(deltas.join("")).toEndWith("You said: hello there");
  });

  test("a long prompt is shown shortened", async () => {
    const [{ text }] = (await replyOf(ask(simulator, "x".repeat(100_000)))).content;
    expect(text?.length).toBeLessThan(1000);
    expect(text).toEndWith("x...");
  });
});

test("usage is estimated from the sizes of request and answer", async () => {
  simulator.play(() => ({ blocks: [{ type: "thinking", thinking: "y".repeat(40) }, "z".repeat(80)] }));
  const message = await replyOf(ask(simulator, "x".repeat(4000)));
  expect(message.usage.input_tokens).toBeWithin(1000, 1010);
  expect(message.usage).toMatchObject({ output_tokens: 30, output_tokens_details: { thinking_tokens: 10 } });
});

test("an image counts as such, not by its characters", async () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(5_000_000) } };
  const messages = [{ role: "user", content: [image, { type: "text", text: "?" }] }];
  const response = await post(
    simulator,
    { model: "claude-opus-4-6", messages },
    {},
    "/v1/messages/count_tokens?beta=true",
  );
  expect((await replyOf(response)).input_tokens).toBeWithin(1000, 3000);
});

test("a pace spreads the answer: it waits before each delta", async () => {
  const paceMs = 20;
  simulator.play(() => ({ blocks: ["a b c"], paceMs }));
  const began = performance.now();
  const paced = await readAll(await ask(simulator, "hi", { stream: true }));
  // A timer may fire up to a millisecond early.
  expect(performance.now() - began).toBeGreaterThan(3 * (paceMs - 1));
  expect(paced.pieces.join("").split("text_delta").length - 1).toBe(3);
  expect(paced.pieces.at(-1)).toContain("message_stop");

  simulator.play(() => ({ blocks: ["a b c"] }));
  const unpaced = await readAll(await ask(simulator, "hi", { stream: true }));
  expect(unpaced.pieces).toEqual([expect.stringContaining("message_stop")]);
});

test("limits are told in headers, beside an answer too", async () => {
  simulator.play(() => ({
    blocks: ["ok"],
    limits: {
      status: "allowed_warning",
      claim: "seven_day",
      fiveHour: { utilization: 0.21, resetsAt: 2_000_000_000 },
      sevenDay: { utilization: 0.93, resetsAt: 2_000_500_000, status: "allowed_warning" },
      overage: { status: "rejected", disabledReason: "org_level_disabled" },
    },
  }));
  const { headers } = await ask(simulator, "hi", { stream: true });
  const told = [...headers].filter(([name]) => name.startsWith("anthropic-ratelimit-unified-"));
  expect(
    Object.fromEntries(told.map(([name, value]) => [name.slice("anthropic-ratelimit-unified-".length), value])),
  ).toEqual({
    status: "allowed_warning",
    reset: "2000500000",
    "representative-claim": "seven_day",
    "5h-status": "allowed",
    "5h-utilization": "0.21",
    "5h-reset": "2000000000",
    "7d-status": "allowed_warning",
    "7d-utilization": "0.93",
    "7d-reset": "2000500000",
    "overage-status": "rejected",
    "overage-disabled-reason": "org_level_disabled",
  });
});
