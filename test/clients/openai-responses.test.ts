/** The `openai` package with a tool over the Responses API: whole answers, streams, its helper, chained responses. */

import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import type { Response, ResponseInput, ResponseInputItem } from "openai/resources/responses/responses";
import { targets } from "../harness/ocp.ts";
import { announcement, answer, note, question, tool, useNotes } from "./notes.ts";

/** Of the two steps. */
const usages = [
  {
    input_tokens: 150,
    input_tokens_details: { cached_tokens: 40, cache_write_tokens: 10 },
    output_tokens: 30,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 180,
  },
  {
    input_tokens: 175,
    input_tokens_details: { cached_tokens: 150, cache_write_tokens: 5 },
    output_tokens: 12,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 187,
  },
];
const tools = [
  {
    type: "function" as const,
    name: tool.name,
    description: tool.description,
    parameters: tool.schema,
    strict: false,
  },
];
const asked = (): ResponseInput => [{ role: "user", content: question }];

describe.each(targets())("the openai client on responses (%s)", (target) => {
  const notes = useNotes(target);
  const responses = () => new OpenAI({ baseURL: `${notes.ocp.url}/v1`, apiKey: "none", maxRetries: 0 }).responses;

  test("runs a tool between two whole responses", async () => {
    const input = asked();
    const first = await responses().create({ model: "sonnet", input, tools, store: false });
    expect(first).toMatchObject({ status: "completed", output_text: announcement, usage: usages[0] } as object);
    input.push(...(first.output as ResponseInputItem[]), await resultOf(first));
    const second = await responses().create({ model: "sonnet", input, tools, store: false });
    expectAnswer(second);
    await notes.expectWritten();
  });

  test("runs a tool between a response and one that continues it by its id", async () => {
    const first = await responses().create({ model: "sonnet", input: question, tools });
    const second = await responses().create({
      model: "sonnet",
      previous_response_id: first.id,
      input: [await resultOf(first)],
      tools,
    });
    expectAnswer(second);
    expect(second.previous_response_id).toBe(first.id);
    await notes.expectWritten();
  });

  test("runs a tool between two streams, whose arguments come in fragments", async () => {
    const input = asked();
    const first = await eventsOf(input);
    const fragments = first.flatMap((event) =>
      event.type === "response.function_call_arguments.delta" ? event.delta : [],
    );
    expect(fragments.length).toBeGreaterThan(5);
    expect(JSON.parse(fragments.join(""))).toEqual(note);
    const calling = completed(first);
    expect(calling.usage).toEqual(usages[0]!);
    input.push(...(calling.output as ResponseInputItem[]), await resultOf(calling));

    const second = await eventsOf(input);
    const text = second.flatMap((event) => (event.type === "response.output_text.delta" ? event.delta : []));
    expect(text.length).toBeGreaterThan(2);
    expect(text.join("")).toBe(answer);
    expectAnswer({ ...completed(second), output_text: answer });
    await notes.expectWritten();
  });

  const eventsOf = async (input: ResponseInput) =>
    Array.fromAsync(
      await responses().create({ model: "sonnet", input: [...input], tools, stream: true, store: false }),
    );

  test("assembles both steps with its stream helper", async () => {
    const input = asked();
    const stream = responses().stream({ model: "sonnet", input, tools });
    let heard = "";
    stream.on("response.function_call_arguments.delta", ({ delta, snapshot }) => {
      heard += delta;
      expect(snapshot).toBe(heard);
    });
    const first = await stream.finalResponse();
    expect(JSON.parse(heard)).toEqual(note);
    input.push(...(first.output as ResponseInputItem[]), await resultOf(first));
    const second = await responses().stream({ model: "sonnet", input, tools }).finalResponse();
    expectAnswer(second);
    await notes.expectWritten();
  });

  /** Runs the one call of a response. */
  async function resultOf({ output }: Pick<Response, "output">): Promise<ResponseInputItem> {
    expect(output.map(({ type }) => type)).toEqual(["message", "function_call"]);
    const call = output[1]!;
    if (call.type !== "function_call") throw new Error("no function was called");
    expect(call).toMatchObject({ name: tool.name, status: "completed" });
    return { type: "function_call_output", call_id: call.call_id, output: await notes.writeJson(call.arguments) };
  }

  function expectAnswer(response: Response): void {
    expect(response).toMatchObject({ status: "completed", output_text: answer, usage: usages[1]!, error: null });
    expect(response.output).toMatchObject([
      { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: answer }] },
    ]);
  }
});

/** The response in the last event. */
function completed(events: Array<{ type: string; response?: Response }>): Response {
  const last = events.at(-1);
  expect(last?.type).toBe("response.completed");
  return last!.response!;
}
