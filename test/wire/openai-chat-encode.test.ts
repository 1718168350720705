/** A turn's events as OpenAI's chat completion: the frames to the letter, and the whole answer. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import type { StopReason, TurnEvent } from "../../src/core/turn.ts";
import { collectChatCompletion, encodeChatStream } from "../../src/wire/openai-chat/encode.ts";
import { call, end, meta, richTurn, start, text, turn } from "./turns.ts";

const frames = (events: AsyncIterable<TurnEvent>, includeUsage = false) =>
  Array.fromAsync(encodeChatStream(events, { ...meta, includeUsage }));
const payloads = (list: string[]) => list.map((frame) => JSON.parse(frame.slice("data: ".length)));
const refusal = new OcpError("overloaded", "The model's side is overloaded.", { retryAfter: 5 });

describe("the stream", () => {
  test("has the role first, each text as it came, one finish and [DONE]", async () => {
    const common = '"id":"chatcmpl-a1B2","object":"chat.completion.chunk","created":1790000000,"model":"opus"';
    const chunk = (delta: string, finish = "null") =>
      `data: {${common},"choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}\n\n`;
    expect(await frames(turn([start, ...text(0, "Hel", "lo"), end("end_turn")]))).toEqual([
      chunk('{"role":"assistant","content":""}'),
      chunk('{"content":"Hel"}'),
      chunk('{"content":"lo"}'),
      chunk("{}", '"stop"'),
      "data: [DONE]\n\n",
    ]);
  });

  test("ends with a usage chunk only when asked", async () => {
    const events = [start, ...text(0, "a"), end("end_turn")];
    const asked = await frames(turn(events), true);
    expect(asked.at(-1)).toBe("data: [DONE]\n\n");
    expect(payloads(asked.slice(-2, -1))).toEqual([
      {
        id: meta.id,
        object: "chat.completion.chunk",
        created: meta.created,
        model: "opus",
        choices: [],
        usage: {
          prompt_tokens: 240,
          completion_tokens: 7,
          total_tokens: 247,
          prompt_tokens_details: { cached_tokens: 200 },
          completion_tokens_details: { reasoning_tokens: 4 },
        },
      },
    ]);
    expect((await frames(turn(events))).join("")).not.toContain("usage");
  });

  test("brings thinking as reasoning, and of a call the id and the name once", async () => {
    const list = await frames(turn(richTurn));
    const chunks = payloads(list.slice(0, -1));
    expect(chunks.map((chunk) => chunk.choices[0].delta)).toEqual([
      { role: "assistant", content: "" },
      { reasoning_content: "hm" },
      { content: "Hel" },
      { content: 'lo \u2028"\n\u{1F600}' },
      {
        tool_calls: [{ index: 0, id: "toolu01A", type: "function", function: { name: "get_weather", arguments: "" } }],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Bern"}' } }] },
      { tool_calls: [{ index: 1, id: "toolu02B", type: "function", function: { name: "now", arguments: "" } }] },
      { tool_calls: [{ index: 1, function: { arguments: "{}" } }] },
      {},
    ]);
    expect(chunks.map((chunk) => chunk.choices[0].finish_reason)).toEqual([...Array(9).fill(null), "tool_calls"]);
    expect(list.join("")).not.toContain("sig");
    expect(list.join("")).not.toContain("sealed");
  });

  test("has no line break inside a frame", async () => {
    for (const frame of await frames(turn([start, ...text(0, "a\r\nb\n\nc"), end("end_turn")]))) {
      expect(frame).toMatch(/^data: [^\r\n]+\n\n$/);
    }
  });

  test.each<[string, TurnEvent[], unknown, object]>([
    ["an error in mid-stream", [start, ...text(0, "a")], refusal, { type: "server_error", code: "overloaded" }],
    ["an error before anything", [], refusal, { type: "server_error", code: "overloaded" }],
    ["a turn without its end", [start, ...text(0, "a")], undefined, { code: "upstream_failed" }],
    ["a defect", [start], new Error("/root/secret"), { message: "Internal error.", code: "internal_error" }],
  ])("%s is one error frame, and neither a finish nor [DONE] follows", async (_name, events, failure, error) => {
    const list = await frames(turn(events, failure), true);
    expect(payloads(list.slice(-1))).toMatchObject([{ error }]);
    expect(list.filter((frame) => frame.includes('"error"'))).toHaveLength(1);
    expect(list.join("")).not.toMatch(/DONE|"finish_reason":"|usage|secret/);
  });

  test("that is left early ends the turn", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<TurnEvent> {
      try {
        yield start;
        for (;;) yield* text(0, "more");
      } finally {
        ended = true;
      }
    }
    const stream = encodeChatStream(endless(), meta);
    await stream.next();
    await stream.next();
    expect(ended).toBe(false);
    await stream.return(undefined);
    expect(ended).toBe(true);
  });
});

describe("the older form of a call", () => {
  const legacy = { ...meta, legacyCalls: true };
  const events = [start, ...text(0, "Hm."), ...call(1, "toolu_1", "f", '{"a":', "1}"), end("tool_use")];

  test("is streamed as one function_call, its name once", async () => {
    const list = await Array.fromAsync(encodeChatStream(turn(events), legacy));
    expect(payloads(list.slice(0, -1)).map(({ choices: [choice] }) => [choice.delta, choice.finish_reason])).toEqual([
      [{ role: "assistant", content: "" }, null],
      [{ content: "Hm." }, null],
      [{ function_call: { name: "f", arguments: "" } }, null],
      [{ function_call: { arguments: '{"a":' } }, null],
      [{ function_call: { arguments: "1}" } }, null],
      [{}, "function_call"],
    ]);
    expect(list.join("")).not.toMatch(/tool_calls|toolu/);
  });

  test("is the message's function_call in a whole answer", async () => {
    const [choice] = (await collectChatCompletion(turn(events), legacy)).choices;
    expect(choice.message).toEqual({
      role: "assistant",
      content: "Hm.",
      refusal: null,
      function_call: { name: "f", arguments: '{"a":1}' },
    });
    expect(choice.finish_reason).toBe("function_call");
  });

  test("has place for the first call only", async () => {
    const two = [start, ...call(0, "a", "f", "{}"), ...call(1, "b", "g", '{"b":2}'), end("tool_use")];
    const [choice] = (await collectChatCompletion(turn(two), legacy)).choices;
    expect(choice.message.function_call).toEqual({ name: "f", arguments: "{}" });
    const list = await Array.fromAsync(encodeChatStream(turn(two), legacy));
    expect(list.join("")).not.toMatch(/"g"|b\\":2/);
  });

  test("changes nothing for an answer without a call", async () => {
    const plain = [start, ...text(0, "a"), end("end_turn")];
    expect(await Array.fromAsync(encodeChatStream(turn(plain), legacy))).toEqual(await frames(turn(plain)));
    expect(await collectChatCompletion(turn(plain), legacy)).toEqual(await collectChatCompletion(turn(plain), meta));
  });
});

describe("finish reasons", () => {
  test.each<[StopReason, string]>([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["refusal", "content_filter"],
    ["tool_use", "tool_calls"],
  ])("%s is %s, streamed and whole", async (stop, reason) => {
    const events = [start, ...text(0, "a"), end(stop)];
    expect((await collectChatCompletion(turn(events), meta)).choices[0].finish_reason).toBe(reason);
    const streamed = (await frames(turn(events))).filter((frame) => frame.includes('"finish_reason":"'));
    expect(payloads(streamed)).toMatchObject([{ choices: [{ delta: {}, finish_reason: reason }] }]);
  });
});

describe("the whole answer", () => {
  test("holds everything that the stream does", async () => {
    expect(await collectChatCompletion(turn(richTurn), meta)).toEqual({
      id: "chatcmpl-a1B2",
      object: "chat.completion",
      created: 1_790_000_000,
      model: "opus",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: 'Hello \u2028"\n\u{1F600}',
            refusal: null,
            reasoning_content: "hm",
            tool_calls: [
              { id: "toolu01A", type: "function", function: { name: "get_weather", arguments: '{"city":"Bern"}' } },
              { id: "toolu02B", type: "function", function: { name: "now", arguments: "{}" } },
            ],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
      usage: {
        prompt_tokens: 240,
        completion_tokens: 7,
        total_tokens: 247,
        prompt_tokens_details: { cached_tokens: 200 },
        completion_tokens_details: { reasoning_tokens: 4 },
      },
    });
  });

  test("has null for content when it only calls, and an empty text when it says nothing", async () => {
    const called = await collectChatCompletion(turn([start, ...call(0, "a", "f", "{}"), end("tool_use")]), meta);
    expect(called.choices[0].message.content).toBeNull();
    const silent = await collectChatCompletion(turn([start, end("end_turn")]), meta);
    expect(silent.choices[0].message).toEqual({ role: "assistant", content: "", refusal: null });
  });

  test("throws what the turn throws, and never makes half an answer a whole one", async () => {
    await expect(collectChatCompletion(turn([start, ...text(0, "a")], refusal), meta)).rejects.toBe(refusal);
    await expect(collectChatCompletion(turn([start, ...text(0, "a")]), meta)).rejects.toMatchObject({
      code: "upstream_failed",
    });
  });
});
