/** How long a prompt is, in UTF-16 characters: what limits and the rows of usage count. */

import type { Conversation, Message } from "./conversation.ts";

/** The system prompt and all messages. */
export function promptChars({ system, messages }: Conversation): number {
  return messages.reduce((sum, message) => sum + messageChars(message), system.length);
}

/**
 * Texts, the JSON of tool inputs, and tool results. Images and PDFs count nothing: their size in base64 says little.
 */
export function messageChars(message: Message): number {
  return message.content.reduce((size, block) => size + blockChars(block), 0);
}

function blockChars(block: Message["content"][number]): number {
  switch (block.type) {
    case "text":
    case "system":
      return block.text.length;
    case "thinking":
      return block.thinking.length;
    case "tool_use":
      return JSON.stringify(block.input).length;
    case "tool_result":
      return block.content.reduce((size, part) => size + blockChars(part), 0);
    case "document":
      return block.source.type === "text" ? block.source.data.length : 0;
    default:
      return 0;
  }
}
