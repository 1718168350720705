/** Puts a conversation into a process that holds none of it, each message in its true role. */

import type { Conversation, Message, UserBlock, UserMessage } from "../core/conversation.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ClaudeProcess } from "./process.ts";
import { assistantFrame, userFrame } from "./protocol.ts";

/** What the model reads before a conversation that the assistant begins: the API wants the user's message first. */
const opening = "(The assistant speaks first.)";

/**
 * Enters all but the last message; nothing is sent upstream by it. Every user message must be answered by its
 * `result` before the next frame goes in, else the CLI reorders or drops messages (seen on 2.1.197 and 2.1.330).
 * `settled` resolves when the CLI has reported one such result; `fromStart`: the process holds nothing yet.
 */
export async function replay(
  process: ClaudeProcess,
  history: readonly Message[],
  model: string,
  settled: () => Promise<void>,
  fromStart: boolean,
): Promise<void> {
  if (fromStart && history[0]?.role === "assistant") {
    process.send(userFrame([{ type: "text", text: opening }], false));
    await settled();
  }
  for (const message of history) {
    if (message.role === "assistant") {
      process.send(assistantFrame(message, model));
    } else {
      process.send(userFrame(spaced(besideErrors(message.content)), false));
      await settled();
    }
  }
}

/** Sends the message that the model is to answer. */
export function ask(process: ClaudeProcess, conversation: Conversation, capabilities: Capabilities): void {
  const last = conversation.messages.at(-1);
  if (last?.role !== "user") throw new Error("a conversation ends with the user's message");
  const content = besideErrors(last.content);
  process.send(userFrame(capabilities.clientComposed ? content : spaced(content), true));
}

/**
 * The CLI takes a message whose last text begins with `/` for a command of its own. Where `client_composed` does not
 * say otherwise, a space before it makes it plain text: the one character that a client's text may gain.
 */
function spaced(content: UserMessage["content"]): UserMessage["content"] {
  const last = content.findLast((block) => block.type === "text");
  return content.map((block) =>
    block === last && block.text.startsWith("/") ? { ...block, text: ` ${block.text}` } : block,
  );
}

/** The API takes nothing but text in a result that is an error, and the CLI drops the rest: it goes behind the results. */
function besideErrors(content: UserMessage["content"]): UserMessage["content"] {
  const moved: UserBlock[] = [];
  const kept = content.map((block): UserBlock => {
    if (block.type !== "tool_result" || !block.is_error) return block;
    moved.push(...block.content.filter((part) => part.type !== "text"));
    return { ...block, content: block.content.filter((part) => part.type === "text") };
  });
  if (moved.length === 0) return content;
  const results = kept.findLastIndex((block) => block.type === "tool_result") + 1;
  return [...kept.slice(0, results), ...moved, ...kept.slice(results)];
}
