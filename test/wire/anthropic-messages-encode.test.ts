/** A turn's events as Anthropic's message. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { collectMessage, encodeMessageStream } from "../../src/wire/anthropic-messages/encode.ts";
import { block, call, end, richTurn, start, text, turn } from "./turns.ts";

const meta = { id: "msg_a1", requestId: "req_b2" };
const frames = (events: TurnEvent[], error?: unknown) =>
  Array.fromAsync(encodeMessageStream(turn(events, error), meta));
const collect = (events: TurnEvent[], error?: unknown) => collectMessage(turn(events, error), meta);

/** Name and data of each event. */
function eventsOf(stream: string): Array<[string, any]> {
  return stream
    .split("\n\n")
    .filter((frame) => frame !== "")
    .map((frame) => {
      const match = /^event: (\w+)\ndata: (\{.*\})$/s.exec(frame);
      if (!match) throw new Error(`not a frame: ${frame}`);
      return [match[1]!, JSON.parse(match[2]!)];
    });
}

const usage = {
  input_tokens: 10,
  cache_creation_input_tokens: 30,
  cache_read_input_tokens: 200,
  output_tokens: 7,
  output_tokens_details: { thinking_tokens: 4 },
};

test("a stream has the vendor's events in the vendor's order, each under its own name", async () => {
  const events = eventsOf((await frames(richTurn)).join(""));
  for (const [name, data] of events) expect(data.type).toBe(name);
  const started = { index: 0, content_block: { type: "thinking", thinking: "", signature: "" } };
  expect(events.map(([, { type: _, ...data }]) => data)).toEqual([
    {
      message: {
        id: "msg_a1",
        type: "message",
        role: "assistant",
        model: "claude-opus-5-5",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage, output_tokens: 1, output_tokens_details: { thinking_tokens: 0 } },
      },
    },
    {},
    started,
    { index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
    { index: 0, delta: { type: "signature_delta", signature: "sig" } },
    { index: 0 },
    { index: 1, content_block: { type: "redacted_thinking", data: "sealed" } },
    { index: 1 },
    { index: 2, content_block: { type: "text", text: "" } },
    { index: 2, delta: { type: "text_delta", text: "Hel" } },
    { index: 2, delta: { type: "text_delta", text: 'lo \u2028"\n\u{1F600}' } },
    { index: 2 },
    { index: 3, content_block: { type: "tool_use", id: "toolu_01-A", name: "get_weather", input: {} } },
    { index: 3, delta: { type: "input_json_delta", partial_json: '{"city":' } },
    { index: 3, delta: { type: "input_json_delta", partial_json: '"Bern"}' } },
    { index: 3 },
    { index: 4, content_block: { type: "tool_use", id: "toolu_02_B", name: "now", input: {} } },
    { index: 4 },
    { delta: { stop_reason: "tool_use", stop_sequence: null }, usage },
    {},
  ]);
  expect(events.slice(0, 2).map(([name]) => name)).toEqual(["message_start", "ping"]);
  expect(events.slice(-2).map(([name]) => name)).toEqual(["message_delta", "message_stop"]);
});

test("a whole answer holds the same", async () => {
  expect(await collect(richTurn)).toEqual({
    id: "msg_a1",
    type: "message",
    role: "assistant",
    model: "claude-opus-5-5",
    content: [
      { type: "thinking", thinking: "hm", signature: "sig" },
      { type: "redacted_thinking", data: "sealed" },
      { type: "text", text: 'Hello \u2028"\n\u{1F600}' },
      { type: "tool_use", id: "toolu_01-A", name: "get_weather", input: { city: "Bern" } },
      { type: "tool_use", id: "toolu_02_B", name: "now", input: {} },
    ],
    stop_reason: "tool_use",
    stop_sequence: null,
    usage,
  });
});

test.each(["end_turn", "max_tokens", "refusal", "model_context_window_exceeded"] as const)(
  "an answer that ends with %s says so",
  async (stop) => {
    expect((await collect([start, ...text(0, "x"), end(stop)])).stop_reason).toBe(stop);
    expect((await frames([start, ...text(0, "x"), end(stop)])).at(-1)).toContain(`"stop_reason":"${stop}"`);
  },
);

test("a stop sequence is named", async () => {
  const stopped: TurnEvent = { ...end("stop_sequence"), stopSequence: "END" } as TurnEvent;
  expect(await collect([start, ...text(0, "x"), stopped])).toMatchObject({ stop_sequence: "END" });
  expect((await frames([start, ...text(0, "x"), stopped])).at(-1)).toContain('"stop_sequence":"END"');
});

test("a call that was cut off has an empty input", async () => {
  const message = await collect([start, ...call(0, "a", "get", '{"city":"Be'), end("max_tokens")]);
  expect(message.content).toEqual([{ type: "tool_use", id: "a", name: "get", input: {} }]);
});

describe("a turn that fails", () => {
  test("ends a stream with an error event, never with message_stop", async () => {
    const stream = (await frames([start, ...text(0, "half")], new OcpError("overloaded", "Too busy."))).join("");
    expect(eventsOf(stream).at(-1)).toEqual([
      "error",
      { type: "error", error: { type: "overloaded_error", message: "Too busy." }, request_id: "req_b2" },
    ]);
    expect(stream).not.toContain("message_stop");
    expect(stream).not.toContain("message_delta");
  });

  test("is an error of the same kind if it just ends", async () => {
    const stream = (await frames([start, ...block(0, { type: "text" })])).join("");
    expect(eventsOf(stream).at(-1)?.[1].error.type).toBe("api_error");
    await expect(collect([start])).rejects.toMatchObject({ code: "upstream_failed" });
    await expect(collect([])).rejects.toMatchObject({ code: "upstream_failed" });
  });

  test("shows nothing of a defect", async () => {
    const stream = (await frames([start], new Error("secret"))).join("");
    expect(eventsOf(stream).at(-1)?.[1].error).toEqual({ type: "api_error", message: "Internal error." });
    expect(stream).not.toContain("secret");
  });

  test("throws what the turn throws where nothing is streamed", async () => {
    await expect(collect([start], new OcpError("timeout", "Too late."))).rejects.toMatchObject({ code: "timeout" });
  });
});
