/** Puts a conversation into a process that holds none of it, each message in its true role. */

import type { UserMessage } from "../core/conversation.ts";
import { type CliBlock, userBlocks } from "./blocks.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ClaudeProcess } from "./process.ts";
import { assistantFrame, userFrame } from "./protocol.ts";
import { isFolded, type PastMessage } from "./session-file.ts";

/** What the model reads before a conversation that the assistant begins: the API wants the user's message first. */
const opening = "(The assistant speaks first.)";

/**
 * Enters all but the last message; nothing is sent upstream by it. Every user message must be answered by its
 * `result` before the next frame goes in, else the CLI reorders or drops messages (seen on 2.1.197 and 2.1.330).
 * `settled` resolves when the CLI has reported one such result; `fromStart`: the process holds nothing yet.
 */
export async function replay(
  process: ClaudeProcess,
  history: readonly PastMessage[],
  model: string,
  settled: () => Promise<void>,
  fromStart: boolean,
): Promise<void> {
  if (fromStart && history[0]?.role === "assistant") {
    process.send(userFrame([{ type: "text", text: opening }], false));
    await settled();
  }
  for (const [at, message] of history.entries()) {
    if (message.role === "assistant") {
      process.send(assistantFrame(message, model));
    } else {
      process.send(userFrame(spaced(userBlocks(message.content, isFolded(history[at + 1]))), false));
      await settled();
    }
  }
}

/** Sends the message that the model is to answer; returns the uuid under which the CLI knows it. */
export function ask(process: ClaudeProcess, question: UserMessage, capabilities: Capabilities): string {
  const content = userBlocks(question.content);
  const uuid = crypto.randomUUID();
  process.send(userFrame(capabilities.clientComposed ? content : spaced(content), true, uuid));
  return uuid;
}

/**
 * The CLI takes a message whose last text begins with `/` for a command of its own. Where `client_composed` does not
 * say otherwise, a space before it makes it plain text: the one character that a client's text may gain.
 */
function spaced(content: CliBlock[]): CliBlock[] {
  const last = content.findLast((block) => block.type === "text");
  return content.map((block) =>
    block === last && block.text?.startsWith("/") ? { ...block, text: ` ${block.text}` } : block,
  );
}
