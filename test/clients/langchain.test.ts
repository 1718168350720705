/** The `@langchain/openai` package with a tool, over both of OpenAI's dialects. */

import { describe, expect, test } from "bun:test";
import { type AIMessageChunk, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { targets } from "../harness/ocp.ts";
import { announcement, answer, note, question, tool, useNotes } from "./notes.ts";

const dialects = [
  ["chat completions", false],
  ["responses", true],
] as const;
const tools = [
  { type: "function" as const, function: { name: tool.name, description: tool.description, parameters: tool.schema } },
];

describe.each(targets())("LangChain (%s)", (target) => {
  const notes = useNotes(target);
  const modelOf = (useResponsesApi: boolean) =>
    new ChatOpenAI({
      model: "sonnet",
      apiKey: "none",
      maxRetries: 0,
      useResponsesApi,
      configuration: { baseURL: `${notes.ocp.url}/v1` },
    }).bindTools(tools);

  test.each(dialects)("invokes a model with a tool over %s", async (_, useResponsesApi) => {
    const model = modelOf(useResponsesApi);
    const messages: BaseMessage[] = [new HumanMessage(question)];
    const first = await model.invoke(messages);
    messages.push(first, await resultOf(first));
    expectAnswer(await model.invoke(messages));
    await notes.expectWritten();
  });

  test.each(dialects)("streams from a model with a tool over %s", async (_, useResponsesApi) => {
    const model = modelOf(useResponsesApi);
    const messages: BaseMessage[] = [new HumanMessage(question)];
    const chunks = await Array.fromAsync(await model.stream(messages));
    const fragments = chunks.flatMap(({ tool_call_chunks }) => tool_call_chunks?.map(({ args }) => args ?? "") ?? []);
    expect(fragments.length).toBeGreaterThan(5);
    const first = whole(chunks);
    messages.push(first, await resultOf(first));
    const second = await Array.fromAsync(await model.stream(messages));
    expect(second.length).toBeGreaterThan(3);
    expectAnswer(whole(second));
    await notes.expectWritten();
  });

  /** Runs the one call of a message. */
  async function resultOf(message: AIMessageChunk): Promise<ToolMessage> {
    expect(message.text).toBe(announcement);
    expect(message.invalid_tool_calls ?? []).toEqual([]);
    expect(message.tool_calls).toMatchObject([{ name: tool.name, args: note }]);
    expect(message.usage_metadata).toMatchObject({ input_tokens: 150, output_tokens: 30, total_tokens: 180 });
    const [call] = message.tool_calls!;
    return new ToolMessage({ tool_call_id: call!.id!, content: await notes.write(call!.args as typeof note) });
  }

  function expectAnswer(message: AIMessageChunk): void {
    expect(message.text).toBe(answer);
    expect(message.tool_calls).toEqual([]);
    expect(message.usage_metadata).toMatchObject({ input_tokens: 175, output_tokens: 12, total_tokens: 187 });
  }
});

function whole(chunks: AIMessageChunk[]): AIMessageChunk {
  return chunks.reduce((sum, chunk) => sum.concat(chunk));
}
