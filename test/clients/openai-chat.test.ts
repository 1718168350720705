/** The `openai` package with a tool over chat completions: whole answers, streams, its helper, and its tool runner. */

import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import type {
  ChatCompletionChunk,
  ChatCompletionMessage,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import { targets } from "../harness/ocp.ts";
import { announcement, answer, note, question, tool, useNotes } from "./notes.ts";

/** Of the two steps. */
const usages = [
  {
    prompt_tokens: 150,
    completion_tokens: 30,
    total_tokens: 180,
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens_details: { reasoning_tokens: 0 },
  },
  {
    prompt_tokens: 175,
    completion_tokens: 12,
    total_tokens: 187,
    prompt_tokens_details: { cached_tokens: 150 },
    completion_tokens_details: { reasoning_tokens: 0 },
  },
];
const declared = { name: tool.name, description: tool.description, parameters: tool.schema };
const tools = [{ type: "function" as const, function: declared }];
const asked = (): ChatCompletionMessageParam[] => [{ role: "user", content: question }];

describe.each(targets())("the openai client on chat completions (%s)", (target) => {
  const notes = useNotes(target);
  const completions = () =>
    new OpenAI({ baseURL: `${notes.ocp.url}/v1`, apiKey: "none", maxRetries: 0 }).chat.completions;

  test("runs a tool between two whole answers", async () => {
    const messages = asked();
    const first = await completions().create({ model: "sonnet", messages, tools });
    const { message, finish_reason } = first.choices[0]!;
    expect(finish_reason).toBe("tool_calls");
    expect(message.content).toBe(announcement);
    expect(first.usage).toEqual(usages[0]!);
    messages.push(message, await resultOf(message));

    const second = await completions().create({ model: "sonnet", messages, tools });
    expect(second.choices).toMatchObject([{ finish_reason: "stop", message: { role: "assistant", content: answer } }]);
    expect(second.choices[0]!.message.tool_calls).toBeUndefined();
    expect(second.usage).toEqual(usages[1]!);
    await notes.expectWritten();
  });

  test("runs a tool between two streams, whose arguments come in fragments", async () => {
    const messages = asked();
    const first = await chunksOf(messages);
    expect(first.finishReasons).toEqual(["tool_calls"]);
    expect(first.usage).toEqual(usages[0]!);
    expect(first.text).toBe(announcement);
    const [opening, ...fragments] = first.calls;
    expect(opening).toMatchObject({ index: 0, type: "function", function: { name: tool.name } });
    expect(opening!.id).toMatch(/^[A-Za-z0-9]+$/);
    expect(fragments.length).toBeGreaterThan(5);
    for (const { index, ...delta } of fragments) {
      expect(index).toBe(0);
      expect(Object.keys(delta)).toEqual(["function"]);
      expect(Object.keys(delta.function!)).toEqual(["arguments"]);
    }
    const json = first.calls.map((call) => call.function?.arguments ?? "").join("");
    expect(JSON.parse(json)).toEqual(note);
    messages.push(
      {
        role: "assistant",
        content: first.text,
        tool_calls: [{ id: opening!.id!, type: "function", function: { name: tool.name, arguments: json } }],
      },
      { role: "tool", tool_call_id: opening!.id!, content: await notes.writeJson(json) },
    );

    const second = await chunksOf(messages);
    expect(second).toMatchObject({ text: answer, calls: [], finishReasons: ["stop"], usage: usages[1]! });
    await notes.expectWritten();
  });

  async function resultOf({ tool_calls }: ChatCompletionMessage): Promise<ChatCompletionMessageParam> {
    expect(tool_calls).toHaveLength(1);
    const [call] = tool_calls!;
    if (call?.type !== "function") throw new Error("no function was called");
    return { role: "tool", tool_call_id: call.id, content: await notes.writeJson(call.function.arguments) };
  }

  async function chunksOf(messages: ChatCompletionMessageParam[]) {
    const stream = await completions().create({
      model: "sonnet",
      messages,
      tools,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: ChatCompletionChunk[] = await Array.fromAsync(stream);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    return {
      text: choices.map(({ delta }) => delta.content ?? "").join(""),
      calls: choices.flatMap(({ delta }) => delta.tool_calls ?? []),
      finishReasons: choices.flatMap(({ finish_reason }) => finish_reason ?? []),
      usage: chunks.at(-1)?.usage,
    };
  }

  test("assembles both steps with its stream helper", async () => {
    const messages = asked();
    const stream = completions().stream({ model: "sonnet", messages, tools });
    const heard: string[] = [];
    stream.on("tool_calls.function.arguments.delta", ({ arguments_delta }) => heard.push(arguments_delta));
    const first = await stream.finalChatCompletion();
    expect(first.choices[0]!.finish_reason).toBe("tool_calls");
    const { message } = first.choices[0]!;
    expect(heard.length).toBeGreaterThan(5);
    expect(JSON.parse(heard.join(""))).toEqual(note);
    messages.push(message, await resultOf(message));

    const second = completions().stream({ model: "sonnet", messages, tools });
    expect(await second.finalContent()).toBe(answer);
    expect((await second.finalChatCompletion()).choices[0]!.finish_reason).toBe("stop");
    await notes.expectWritten();
  });

  test.each([false, true])("runs the whole loop with its tool runner, streaming: %p", async (stream) => {
    const body = {
      model: "sonnet",
      messages: asked(),
      tools: [{ type: "function" as const, function: { ...declared, parse: JSON.parse, function: notes.write } }],
    };
    const runner = stream
      ? completions().runTools({ ...body, stream, stream_options: { include_usage: true } })
      : completions().runTools(body);
    expect(await runner.finalContent()).toBe(answer);
    expect((await runner.finalChatCompletion()).choices[0]!.finish_reason).toBe("stop");
    expect(await runner.totalUsage()).toMatchObject({ prompt_tokens: 325, completion_tokens: 42, total_tokens: 367 });
    await notes.expectWritten();
  });
});
