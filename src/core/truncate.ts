/** Shortens a conversation to CLAUDE_MAX_PROMPT_CHARS by leaving out its oldest messages. */

import { messageChars } from "./chars.ts";
import type { Conversation, Message } from "./conversation.ts";
import { OcpError } from "./errors.ts";

export interface Truncated {
  conversation: Conversation;
  /** How many messages were left out. */
  dropped: number;
}

/**
 * Drops the oldest messages until system prompt and messages have at most `maxChars` UTF-16 characters: texts, the
 * JSON of tool inputs, and tool results. Images and PDFs count nothing, their size in base64 says little.
 * The system prompt and the first user message stay. Calls and their results go together, and roles alternate
 * afterwards: where two user messages meet, they become one.
 * Throws OcpError `context_length_exceeded` when even the system prompt, the first and the last message do not fit.
 */
export function truncate(conversation: Conversation, maxChars: number): Truncated {
  const { messages } = conversation;
  const sizes = messages.map(messageChars);
  let tailSize = sizes.reduce((sum, size) => sum + size, conversation.system.length);
  if (tailSize <= maxChars) return { conversation, dropped: 0 };

  const first = messages.findIndex((message) => message.role === "user" && !answersCalls(message));
  for (let start = 1; start < messages.length; start++) {
    tailSize -= sizes[start - 1] ?? 0;
    const next = messages[start] as Message;
    if (answersCalls(next)) continue;
    const opening = first !== -1 && first < start ? (messages[first] as Message) : undefined;
    if (tailSize + (opening ? (sizes[first] ?? 0) : 0) > maxChars) continue;
    const kept = opening ? join(opening, messages.slice(start)) : messages.slice(start);
    return { conversation: { ...conversation, messages: kept }, dropped: start - (opening ? 1 : 0) };
  }
  throw new OcpError(
    "context_length_exceeded",
    `The prompt does not fit into the ${maxChars} characters that this server allows, even without its older messages.`,
    { param: "messages" },
  );
}

/** Results answer the calls of the message right before, so no conversation can begin with them. */
function answersCalls(message: Message): boolean {
  return message.content.some((block) => block.type === "tool_result");
}

function join(opening: Message, rest: Message[]): Message[] {
  const [next, ...later] = rest;
  if (opening.role === "user" && next?.role === "user") {
    return [{ role: "user", content: [...opening.content, ...next.content] }, ...later];
  }
  return [opening, ...rest];
}
