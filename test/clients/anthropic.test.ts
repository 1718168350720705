/** The `@anthropic-ai/sdk` package with a tool: whole messages, streams, its stream helper, and its tool runner. */

import { describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import type { BetaRunnableTool } from "@anthropic-ai/sdk/lib/tools/BetaRunnableTool";
import type { Message, MessageParam } from "@anthropic-ai/sdk/resources/messages";
import { targets } from "../harness/ocp.ts";
import { announcement, answer, note, question, tool, useNotes } from "./notes.ts";

/** Of the two steps. */
const usages = [
  { input_tokens: 100, cache_read_input_tokens: 40, cache_creation_input_tokens: 10, output_tokens: 30 },
  { input_tokens: 20, cache_read_input_tokens: 150, cache_creation_input_tokens: 5, output_tokens: 12 },
];
const tools = [{ name: tool.name, description: tool.description, input_schema: tool.schema }];
const body = (messages: MessageParam[]) => ({ model: "sonnet", max_tokens: 2000, messages: [...messages], tools });
const asked = (): MessageParam[] => [{ role: "user", content: question }];

describe.each(targets())("the Anthropic client (%s)", (target) => {
  const notes = useNotes(target);
  const client = () => new Anthropic({ baseURL: notes.ocp.url, apiKey: "none", maxRetries: 0 });

  test("runs a tool between two whole messages", async () => {
    const messages = asked();
    const first = await client().messages.create(body(messages));
    messages.push({ role: "assistant", content: first.content }, await resultOf(first));
    expectAnswer(await client().messages.create(body(messages)));
    await notes.expectWritten();
  });

  test("runs a tool between two streams, whose arguments come in fragments", async () => {
    const messages = asked();
    const first = client().messages.stream(body(messages));
    const fragments: string[] = [];
    first.on("inputJson", (fragment) => fragments.push(fragment));
    const calling = await first.finalMessage();
    expect(fragments.length).toBeGreaterThan(5);
    expect(JSON.parse(fragments.join(""))).toEqual(note);
    messages.push({ role: "assistant", content: calling.content }, await resultOf(calling));

    const second = client().messages.stream(body(messages));
    const words: string[] = [];
    second.on("text", (word) => words.push(word));
    expectAnswer(await second.finalMessage());
    expect(words.length).toBeGreaterThan(2);
    await notes.expectWritten();
  });

  test.each([false, true])("runs the whole loop with its tool runner, streaming: %p", async (stream) => {
    const runnable: BetaRunnableTool<typeof note> = {
      ...tools[0]!,
      parse: (input) => input as typeof note,
      run: notes.write,
    };
    const runner = client().beta.messages.toolRunner({ ...body([]), messages: asked(), tools: [runnable], stream });
    expectAnswer((await runner.runUntilDone()) as unknown as Message);
    await notes.expectWritten();
  });

  /** Runs the one call of a message. */
  async function resultOf(message: Message): Promise<MessageParam> {
    expect(message).toMatchObject({ role: "assistant", stop_reason: "tool_use", usage: usages[0]! });
    expect(message.content).toMatchObject([
      { type: "text", text: announcement },
      { type: "tool_use", name: tool.name, input: note },
    ]);
    const call = message.content[1]!;
    if (call.type !== "tool_use") throw new Error("no tool was called");
    const content = await notes.write(call.input as typeof note);
    return { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content }] };
  }

  function expectAnswer(message: Message): void {
    expect(message).toMatchObject({ role: "assistant", stop_reason: "end_turn", usage: usages[1]! });
    expect(message.content).toMatchObject([{ type: "text", text: answer }]);
  }
});
