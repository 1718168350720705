/** The official OpenAI client calls tools and reads structured output through the HTTP application. */

import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { makeParseableResponseFormat } from "openai/lib/parser";
import type { Conversation, ToolResultBlock } from "../../src/core/conversation.ts";
import type { StopReason, TurnEvent } from "../../src/core/turn.ts";
import { noUsage } from "../../src/core/turn.ts";
import { blockStart, hello, says, serve, start, text } from "./served.ts";

const end = (stop: StopReason): TurnEvent => ({ type: "end", stop, stopSequence: null, usage: noUsage });
const call = (index: number, id: string, name: string, ...fragments: string[]): TurnEvent[] => [
  { type: "block_start", index, block: { type: "tool_use", id, name } },
  ...fragments.map((json): TurnEvent => ({ type: "delta", index, delta: { type: "input_json", json } })),
  { type: "block_stop", index },
];

/** Calls `weather` for Bern and Rome in one message, and once it has the results says what they were. */
function forecaster() {
  const heard: Conversation[] = [];
  const served = serve({
    async *script(conversation) {
      heard.push(conversation);
      const results = resultsIn(conversation);
      yield start;
      if (results.length === 0) {
        yield* call(0, "toolu_01-B", "weather", '{"city":', '"Bern"}');
        if (conversation.toolbox?.parallel) yield* call(1, "toolu_02_R", "weather", '{"city":"Rome"}');
        yield end("tool_use");
        return;
      }
      yield blockStart;
      yield text(results.map(({ content: [block] }) => (block?.type === "text" ? block.text : "")).join(", "));
      yield { type: "block_stop", index: 0 };
      yield end("end_turn");
    },
  });
  return { served, heard };
}

function resultsIn({ messages }: Conversation): ToolResultBlock[] {
  return messages.at(-1)!.content.filter((block) => block.type === "tool_result");
}

const clientOf = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const weather = ({ city }: { city: string }) => `${city} is sunny`;
const asked = { model: "sonnet", messages: [{ role: "user" as const, content: "The weather?" }] };

describe("the openai client", () => {
  test.each([true, false])("runs a loop of tools to its end, streaming: %p", async (stream) => {
    const { served, heard } = forecaster();
    await using server = served.listen();
    const tool = {
      type: "function" as const,
      function: { name: "weather", description: "d", parameters, parse: JSON.parse, function: weather },
    };
    const completions = clientOf(server.url).chat.completions;
    const runner = stream
      ? completions.runTools({ ...asked, stream, tools: [tool] })
      : completions.runTools({ ...asked, tools: [tool] });
    expect(await runner.finalContent()).toBe("Bern is sunny, Rome is sunny");

    expect(heard).toHaveLength(2);
    for (const { toolbox } of heard) {
      expect(toolbox).toEqual({
        tools: [{ name: "weather", description: "d", inputSchema: parameters }],
        choice: { type: "auto" },
        parallel: true,
      });
    }
    const [, calls, results] = heard[1]!.messages as unknown[];
    expect(calls).toEqual({
      role: "assistant",
      content: [
        { type: "tool_use", id: "toolu01B", name: "weather", input: { city: "Bern" } },
        { type: "tool_use", id: "toolu02R", name: "weather", input: { city: "Rome" } },
      ],
    });
    expect(results).toMatchObject({ content: [{ tool_use_id: "toolu01B" }, { tool_use_id: "toolu02R" }] });
  });

  test("makes one call at a time when it asks for that", async () => {
    const { served } = forecaster();
    await using server = served.listen();
    const completion = await clientOf(server.url).chat.completions.create({
      ...asked,
      tools: [{ type: "function", function: { name: "weather" } }],
      parallel_tool_calls: false,
    });
    expect(completion.choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: { content: null, tool_calls: [{ id: "toolu01B", function: { arguments: '{"city":"Bern"}' } }] },
    });
  });

  test.each([true, false])(
    "reads the older function calls, and is answered after them, streaming: %p",
    async (stream) => {
      const { served, heard } = forecaster();
      await using server = served.listen();
      const completions = clientOf(server.url).chat.completions;
      const functions = [{ name: "weather", parameters }];
      const ask = async (messages: OpenAI.ChatCompletionMessageParam[]) => {
        const body = { model: "sonnet", messages, functions };
        const completion = stream
          ? await completions.stream(body).finalChatCompletion()
          : await completions.create(body);
        return completion.choices[0]!;
      };

      const called = await ask(asked.messages);
      expect(called.finish_reason).toBe("function_call");
      expect(called.message.function_call).toEqual({ name: "weather", arguments: '{"city":"Bern"}' });
      expect(called.message.tool_calls).toBeUndefined();
      const answered = await ask([
        ...asked.messages,
        { role: "assistant", content: null, function_call: called.message.function_call! },
        { role: "function", name: "weather", content: "snow" },
      ]);
      expect([answered.finish_reason, answered.message.content]).toEqual(["stop", "snow"]);
      expect(heard[1]?.toolbox?.parallel).toBe(false);
    },
  );

  test.each([true, false])("parses an answer that fits its schema, streaming: %p", async (stream) => {
    let output: unknown;
    await using server = serve({
      async *script(conversation, context) {
        output = conversation.output;
        yield* says('{"city":', '"Bern"}')(conversation, context);
      },
    }).listen();
    const completions = clientOf(server.url).chat.completions;
    const json_schema = { name: "city", schema: parameters, strict: true };
    const response_format = makeParseableResponseFormat<{ city: string }>(
      { type: "json_schema", json_schema },
      JSON.parse,
    );
    const body = { ...asked, response_format };
    const completion = stream ? await completions.stream(body).finalChatCompletion() : await completions.parse(body);
    expect(completion.choices[0]?.message.parsed).toEqual({ city: "Bern" });
    expect(output).toEqual({ name: "city", schema: parameters });
  });
});

describe("POST /v1/chat/completions", () => {
  test("names the kinds of tools that it skipped", async () => {
    const tools = [{ type: "web_search" }, { type: "custom", name: "ApplyPatch" }];
    const response = await serve().chat({ ...hello, tools, seed: 1 });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-ocp-ignored")).toBe("seed, tools.web_search, tools.custom");
  });

  test("names as many of very many skipped kinds as a client's head has room for", async () => {
    const tools = Array.from({ length: 900 }, (_, at) => ({ type: `kind_${at}` }));
    const response = await serve().chat({ ...hello, tools });
    expect(response.status).toBe(200);
    const header = response.headers.get("x-ocp-ignored") ?? "";
    expect(header.length).toBeLessThan(2_100);
    const [, named, more] = /^(.*), and (\d+) more$/.exec(header) ?? [];
    expect(named?.split(", ")[0]).toBe("tools.kind_0");
    expect((named?.split(", ").length ?? 0) + Number(more)).toBe(900);
  });

  test("hands the engine the conversation's names from head and body", async () => {
    let hints: string[] = [];
    const served = serve({
      async *script(conversation, context) {
        hints = conversation.hints;
        yield* says("ok")(conversation, context);
      },
    });
    const headers = { "x-session-id": "a", "x-session-affinity": "a", "X-Claude-Code-Session-Id": "b", "x-title": "t" };
    await served.chat({ ...hello, prompt_cache_key: "c" }, { headers });
    expect(hints).toEqual(["a", "b", "c"]);
  });
});
