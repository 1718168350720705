/** A turn's events as a response of OpenAI's Responses API: the life of the stream, and the whole answer. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import type { StopReason, TurnEvent } from "../../src/core/turn.ts";
import type { Answer } from "../../src/wire/openai-responses/assemble.ts";
import {
  collectResponse,
  encodeResponsesStream,
  type ResponsesEncoding,
} from "../../src/wire/openai-responses/encode.ts";
import { unsealThinking } from "../../src/wire/openai-responses/reasoning.ts";
import { echoOf } from "../../src/wire/openai-responses/response.ts";
import { block, call, end, richTurn, start, text, turn } from "./turns.ts";

interface Told {
  type: string;
  sequence_number: number;
  [key: string]: any;
}

function encoding(more: Partial<ResponsesEncoding> = {}): ResponsesEncoding {
  let ids = 0;
  return {
    id: "resp_a1B2",
    created: 1_790_000_000,
    model: "opus",
    store: true,
    echo: echoOf({ input: "hi" }, null),
    newId: (prefix) => `${prefix}${++ids}`,
    sealed: false,
    ...more,
  };
}

const whole = (events: TurnEvent[], more?: Partial<ResponsesEncoding>) => collectResponse(turn(events), encoding(more));

async function told(events: AsyncIterable<TurnEvent>, more?: Partial<ResponsesEncoding>): Promise<Told[]> {
  const frames = await Array.fromAsync(encodeResponsesStream(events, encoding(more)));
  return frames.map((frame) => {
    const [, name, json] = /^event: (\S+)\ndata: ([^\n]+)\n\n$/.exec(frame)!;
    const event = JSON.parse(json!);
    expect(event.type).toBe(name);
    return event;
  });
}

const overloaded = new OcpError("overloaded", "The model's side is overloaded.");
const short = [start, ...text(0, "Hel", "lo"), end("end_turn")];

describe("the stream", () => {
  test("tells the life of a message in order, to the letter", async () => {
    const part = (value: string) => ({ type: "output_text", text: value, annotations: [], logprobs: [] });
    const item = (status: string, ...content: object[]) => ({
      id: "msg_1",
      type: "message",
      status,
      role: "assistant",
      content,
    });
    const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
    const events = await told(turn(short));
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    expect(events.map(({ sequence_number: _, ...rest }) => rest as object)).toEqual([
      {
        type: "response.created",
        response: expect.objectContaining({ status: "in_progress", output: [], usage: null }),
      },
      { type: "response.in_progress", response: expect.objectContaining({ status: "in_progress" }) },
      { type: "response.output_item.added", output_index: 0, item: item("in_progress") },
      { type: "response.content_part.added", ...at, part: part("") },
      { type: "response.output_text.delta", ...at, delta: "Hel", logprobs: [] },
      { type: "response.output_text.delta", ...at, delta: "lo", logprobs: [] },
      { type: "response.output_text.done", ...at, text: "Hello", logprobs: [] },
      { type: "response.content_part.done", ...at, part: part("Hello") },
      { type: "response.output_item.done", output_index: 0, item: item("completed", part("Hello")) },
      { type: "response.completed", response: expect.objectContaining({ status: "completed" }) },
    ]);
    expect(events.at(-1)!.response.output).toEqual([item("completed", part("Hello"))]);
  });

  test("has an item for each block, with ids of their own, and what grew is what is done", async () => {
    const events = await told(turn(richTurn));
    const items = events.filter(({ type }) => type === "response.output_item.done");
    expect(items.map(({ output_index, item }) => [output_index, item.id, item.type])).toEqual([
      [0, "rs_1", "reasoning"],
      [1, "rs_2", "reasoning"],
      [2, "msg_3", "message"],
      [3, "fc_4", "function_call"],
      [4, "fc_5", "function_call"],
    ]);
    const grown = (type: string, id: string) =>
      events
        .filter((event) => event.type === type && event.item_id === id)
        .map(({ delta }) => delta)
        .join("");
    expect(grown("response.reasoning_summary_text.delta", "rs_1")).toBe(items[0]!.item.summary[0].text);
    expect(items[1]!.item.summary).toEqual([]);
    expect(grown("response.output_text.delta", "msg_3")).toBe(items[2]!.item.content[0].text);
    for (const { item } of items.slice(3)) {
      expect(grown("response.function_call_arguments.delta", item.id)).toBe(item.arguments);
      expect(item).toMatchObject({ status: "completed", name: expect.any(String) });
    }
    expect(items.slice(3).map(({ item }) => [item.call_id, item.arguments])).toEqual([
      ["toolu_01-A", '{"city":"Bern"}'],
      ["toolu_02_B", "{}"],
    ]);
  });

  test("leaves out a text block without text", async () => {
    const events = await told(turn([start, ...text(0, ""), ...call(1, "toolu_1", "now"), end("tool_use")]));
    expect(events.at(-1)!.response.output.map((item: { type: string }) => item.type)).toEqual(["function_call"]);
    expect(events.filter(({ output_index = 0 }) => output_index !== 0)).toEqual([]);
  });

  test("ends after a turn that says nothing", async () => {
    const events = await told(turn([start, end("end_turn")]));
    expect(events.map(({ type }) => type)).toEqual(["response.created", "response.in_progress", "response.completed"]);
  });

  test.each([
    ["after half of it", turn([start, ...text(0, "half")], overloaded), "overloaded"],
    ["before its start", turn([], overloaded), "overloaded"],
    ["without an error", turn([start, ...text(0, "half")]), "upstream_failed"],
    [
      "by the prompt's length",
      turn([start], new OcpError("context_length_exceeded", "Too long.")),
      "context_length_exceeded",
    ],
    ["by a request that is refused late", turn([start], new OcpError("invalid_request", "No.")), "invalid_prompt"],
    ["by a defect", turn([start], new Error("secret")), "internal_error"],
  ])("of a turn that fails %s is failed, and says so in both of the API's ways", async (_name, events, code) => {
    const all = await told(events);
    expect(all.slice(0, 2).map(({ type }) => type)).toEqual(["response.created", "response.in_progress"]);
    const [failed, error] = all.slice(-2);
    expect(failed).toMatchObject({
      type: "response.failed",
      response: { status: "failed", output: [], error: { code } },
    });
    expect(error).toMatchObject({ type: "error", message: failed!.response.error.message });
    expect(error!.error.message).toBe(error!.message);
    expect(all.filter(({ type }) => type === "response.completed" || type === "response.incomplete")).toEqual([]);
    expect(JSON.stringify(all)).not.toContain("secret");
  });
});

describe("the whole answer", () => {
  test.each([[richTurn], [short]])("is the one that the stream ends with", async (events) => {
    const streamed = await told(turn(events));
    expect(await whole(events)).toEqual(streamed.at(-1)!.response);
  });

  test("counts every kind of input, and what of it came from the cache", async () => {
    expect((await whole(short)).usage).toEqual({
      input_tokens: 240,
      input_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 247,
    });
  });

  test.each<[StopReason, string, string | null]>([
    ["end_turn", "completed", null],
    ["stop_sequence", "completed", null],
    ["tool_use", "completed", null],
    ["max_tokens", "incomplete", "max_output_tokens"],
    ["model_context_window_exceeded", "incomplete", "max_output_tokens"],
    ["refusal", "incomplete", "content_filter"],
  ])("that ends with %s is %s", async (stop, status, reason) => {
    const events = [start, ...text(0, "one"), ...text(1, "two"), end(stop)];
    const response = await whole(events);
    expect(response).toMatchObject({ status: status as "completed", incomplete_details: reason && { reason } });
    expect(response.output).toMatchObject([{ status: "completed" }, { status: status as "completed" }]);
    expect((await told(turn(events))).at(-1)!.type).toBe(`response.${status}`);
  });

  test("throws what the turn throws, and when it has no end", async () => {
    expect(collectResponse(turn([start], overloaded), encoding())).rejects.toBe(overloaded);
    expect(collectResponse(turn([start]), encoding())).rejects.toMatchObject({ code: "upstream_failed" });
  });
});

describe("thinking", () => {
  const thinking = [
    start,
    ...block(0, { type: "thinking" }, { type: "thinking", text: "hm" }, { type: "signature", signature: "sig" }),
    ...block(1, { type: "redacted_thinking", data: "sealed" }),
    ...block(2, { type: "thinking" }, { type: "thinking", text: "unsigned" }),
    ...text(3, "a"),
    end("end_turn"),
  ];
  const blocks = [
    { type: "thinking", thinking: "hm", signature: "sig" },
    { type: "redacted_thinking", data: "sealed" },
    null,
  ];
  const unsealed = (items: Array<{ encrypted_content?: string | null }>) =>
    items.slice(0, 3).map(({ encrypted_content }) => (encrypted_content ? unsealThinking(encrypted_content) : null));

  test("comes sealed if the client asked for it", async () => {
    const { output } = await whole(thinking, { sealed: true });
    expect(unsealed(output as object[])).toEqual(blocks as never);
    const events = await told(turn(thinking), { sealed: true });
    const done = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item);
    expect(done).toEqual(output);
  });

  test("comes as a summary alone if it did not, and is remembered sealed all the same", async () => {
    let answer: Answer | undefined;
    const events = await told(turn(thinking), {
      onAnswer(given) {
        answer = given;
      },
    });
    expect(JSON.stringify(events)).not.toContain("encrypted_content");
    expect(JSON.stringify(answer!.response)).not.toContain("encrypted_content");
    expect(unsealed(answer!.items)).toEqual(blocks as never);
  });
});

describe("what is remembered", () => {
  test("is told before the client hears of the end", async () => {
    const order: string[] = [];
    const options = encoding({
      onAnswer() {
        order.push("remembered");
      },
    });
    for await (const frame of encodeResponsesStream(turn(short), options)) {
      if (frame.startsWith("event: response.completed")) order.push("told");
    }
    expect(order).toEqual(["remembered", "told"]);
  });

  test("has no call that was cut off", async () => {
    let answer: Answer | undefined;
    const options = encoding({
      onAnswer(given) {
        answer = given;
      },
    });
    const cut = [start, ...text(0, "a"), ...call(1, "toolu_1", "f", '{"ci'), end("max_tokens")];
    const response = await collectResponse(turn(cut), options);
    expect(response.output.at(-1)).toMatchObject({ type: "function_call", status: "incomplete", arguments: '{"ci' });
    expect(answer!.items.map(({ type }) => type)).toEqual(["message"]);
  });

  test("is nothing of a turn that failed", async () => {
    let calls = 0;
    await told(turn([start, ...text(0, "half")], overloaded), {
      onAnswer: () => {
        calls++;
      },
    });
    expect(calls).toBe(0);
  });
});
