/** OpenAI's chat completions. */

import type { Message } from "../../src/core/conversation.ts";
import { callsIn, contentOf, resultsIn, textIn, type WrittenCall } from "./content.ts";
import type { Dialect } from "./dialect.ts";

export const chat: Dialect = {
  name: "chat",
  path: "/v1/chat/completions",
  request: ({ messages, stream, model = "sonnet", tools = [] }) => ({
    model,
    stream,
    messages: messages.flatMap(written),
    ...(tools.length > 0 ? { tools: tools.map(declared) } : {}),
  }),
  whole({ choices: [{ message, finish_reason }] }) {
    const calls = (message.tool_calls ?? []).map((call: any) => writtenCall(call.id, call.function));
    return { content: contentOf(message.content ?? "", calls), complete: finish_reason !== null };
  },
  streamed(frames) {
    let text = "";
    let reason: string | null = null;
    const calls: WrittenCall[] = [];
    for (const [choice] of frames.map((frame) => frame?.choices ?? [])) {
      if (!choice) continue;
      text += choice.delta.content ?? "";
      reason ??= choice.finish_reason;
      for (const { index, id, function: piece } of choice.delta.tool_calls ?? []) {
        const known = calls[index];
        if (known) known.json += piece.arguments;
        else calls[index] = writtenCall(id, piece);
      }
    }
    return {
      content: contentOf(text, reason === null ? [] : calls),
      complete: reason !== null && frames.at(-1) === null,
    };
  },
};

function written(message: Message): object[] {
  const text = textIn(message.content);
  if (message.role === "assistant") {
    const calls = callsIn(message).map(({ id, name, input }) => {
      return { id, type: "function", function: { name, arguments: JSON.stringify(input) } };
    });
    return [
      { role: "assistant", content: text === "" ? null : text, ...(calls.length > 0 ? { tool_calls: calls } : {}) },
    ];
  }
  const results = resultsIn(message).map(({ tool_use_id, content }) => {
    return { role: "tool", tool_call_id: tool_use_id, content: textIn(content) };
  });
  return text === "" ? results : [...results, { role: "user", content: text }];
}

const declared = ({ name, description, inputSchema }: { name: string; description: string; inputSchema: object }) => ({
  type: "function",
  function: { name, description, parameters: inputSchema },
});

const writtenCall = (id: string, called: { name: string; arguments?: string }): WrittenCall => ({
  id,
  name: called.name,
  json: called.arguments ?? "",
});
