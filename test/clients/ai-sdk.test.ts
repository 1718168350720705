/** The `ai` package with a tool, through each provider that people point at a server of their own. */

import { describe, expect, test } from "bun:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, type LanguageModel, stepCountIs, streamText, tool as toolOf } from "ai";
import { targets } from "../harness/ocp.ts";
import { announcement, answer, note, question, tool, useNotes } from "./notes.ts";

const providers: Array<[name: string, model: (baseURL: string) => LanguageModel]> = [
  [
    "@ai-sdk/openai-compatible",
    (baseURL) => createOpenAICompatible({ name: "ocp", baseURL, apiKey: "none", includeUsage: true })("sonnet"),
  ],
  ["@ai-sdk/openai on responses", (baseURL) => createOpenAI({ baseURL, apiKey: "none" })("sonnet")],
  ["@ai-sdk/openai on chat completions", (baseURL) => createOpenAI({ baseURL, apiKey: "none" }).chat("sonnet")],
];

describe.each(targets())("the AI SDK (%s)", (target) => {
  const notes = useNotes(target);
  const settings = (model: (baseURL: string) => LanguageModel) => ({
    model: model(`${notes.ocp.url}/v1`),
    prompt: question,
    maxRetries: 0,
    stopWhen: stepCountIs(5),
    tools: {
      [tool.name]: toolOf({
        description: tool.description,
        inputSchema: jsonSchema<typeof note>(tool.schema),
        execute: (input) => notes.write(input),
      }),
    },
  });

  test.each(providers)("generates a text with a tool through %s", async (_, model) => {
    const result = await generateText(settings(model));
    expect(result.text).toBe(answer);
    expectSteps(result.steps);
    await notes.expectWritten();
  });

  test.each(providers)("streams a text with a tool through %s", async (_, model) => {
    const result = streamText(settings(model));
    const parts = await Array.fromAsync(result.fullStream);
    expect(parts.filter(({ type }) => type === "error")).toEqual([]);
    const fragments = parts.flatMap((part) => (part.type === "tool-input-delta" ? part.delta : []));
    expect(fragments.length).toBeGreaterThan(5);
    expect(JSON.parse(fragments.join(""))).toEqual(note);
    expect(await result.text).toBe(answer);
    expectSteps(await result.steps);
    await notes.expectWritten();
  });
});

interface Step {
  text: string;
  finishReason: string;
  toolCalls: Array<{ toolName: string; input: unknown }>;
  usage: { inputTokens: number | undefined; outputTokens: number | undefined };
}

function expectSteps(steps: readonly Step[]): void {
  expect(steps.map(({ text, finishReason }) => ({ text, finishReason }))).toEqual([
    { text: announcement, finishReason: "tool-calls" },
    { text: answer, finishReason: "stop" },
  ]);
  expect(steps.map(({ usage }) => [usage.inputTokens, usage.outputTokens])).toEqual([
    [150, 30],
    [175, 12],
  ]);
  expect(steps.map(({ toolCalls }) => toolCalls)).toMatchObject([[{ toolName: tool.name, input: note }], []]);
}
