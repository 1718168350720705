/** Anthropic's messages: what the domain's own shapes follow. */

import type { AssistantBlock } from "../../src/core/conversation.ts";
import type { Dialect } from "./dialect.ts";

export const messages: Dialect = {
  name: "messages",
  path: "/v1/messages",
  request: ({ messages, stream, model = "sonnet", tools = [] }) => ({
    model,
    stream,
    max_tokens: 4000,
    messages,
    ...(tools.length > 0
      ? { tools: tools.map(({ name, description, inputSchema }) => ({ name, description, input_schema: inputSchema })) }
      : {}),
  }),
  whole: ({ content, stop_reason }) => ({ content, complete: stop_reason !== null }),
  streamed(frames) {
    const content: AssistantBlock[] = [];
    let json = "";
    let stopped = false;
    for (const frame of frames) {
      const last = content.at(-1);
      if (frame.type === "content_block_start") {
        content.push(frame.content_block);
        json = "";
      } else if (frame.type === "content_block_delta") {
        if (last?.type === "text") last.text += frame.delta.text;
        json += frame.delta.partial_json ?? "";
      } else if (frame.type === "content_block_stop") {
        if (last?.type === "tool_use" && json !== "") last.input = JSON.parse(json);
      } else if (frame.type === "message_delta") {
        stopped = frame.delta.stop_reason !== null;
      }
    }
    return { content, complete: stopped && frames.at(-1)?.type === "message_stop" };
  },
};
