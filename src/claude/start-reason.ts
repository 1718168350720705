/** Why a turn gets a process that did not hold its conversation. */

import type { Conversation } from "../core/conversation.ts";
import type { StartReason } from "../core/turn.ts";

export function startReason({ messages }: Pick<Conversation, "messages">): StartReason {
  return messages.some(({ role }) => role === "assistant") ? "unseen" : "new";
}
