/** What a message says, taken apart as the OpenAI dialects want it and put together again. */

import type { AssistantBlock, Message, ToolResultBlock, ToolUseBlock } from "../../src/core/conversation.ts";

/** A call as the OpenAI dialects write it: its arguments are JSON text. */
export interface WrittenCall {
  id: string;
  name: string;
  json: string;
}

export function textIn(content: ReadonlyArray<{ type: string; text?: string }>): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

export function callsIn({ content }: Message): ToolUseBlock[] {
  return content.filter((block) => block.type === "tool_use");
}

export function resultsIn({ content }: Message): ToolResultBlock[] {
  return content.filter((block) => block.type === "tool_result");
}

/** What is empty is left out. */
export function contentOf(text: string, calls: readonly WrittenCall[]): AssistantBlock[] {
  const written = calls.map(({ id, name, json }): ToolUseBlock => {
    return { type: "tool_use", id, name, input: json === "" ? {} : JSON.parse(json) };
  });
  return text === "" ? written : [{ type: "text", text }, ...written];
}
