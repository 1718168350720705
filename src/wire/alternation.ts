/** Collects messages so that roles alternate and none is empty, as the model's API wants them. */

import type { AssistantBlock, Message, UserBlock } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";

export interface Alternation {
  /** `param`: where the message stands in the request. Throws OcpError `invalid_request`. */
  addUser(blocks: UserBlock[], param: string): void;
  /**
   * Adds an instruction at its place in the conversation, as a part of the user's turn. Returns false before the first
   * message: such a one belongs to the system prompt.
   */
  addSystem(texts: readonly string[]): boolean;
  /** An assistant message without content says nothing and is left out. Throws OcpError `invalid_request`. */
  addAssistant(blocks: AssistantBlock[]): void;
  /** Throws OcpError `invalid_request` unless the last message is the user's and has content. */
  end(): Message[];
}

/**
 * `list`: the path of the request's list of messages. `endsWith`: whose the last message must be; anyone's where
 * nothing is to be answered.
 */
export function createAlternation(list: string, endsWith: "user" | "anyone" = "user"): Alternation {
  const messages: Message[] = [];
  /** Where the last message that brought nothing stands. */
  let emptyAt = list;

  const requireContent = () => {
    if (messages.at(-1)?.content.length === 0) throw invalid("A user message must have content.", emptyAt);
  };
  return {
    addUser(blocks, param) {
      if (blocks.length === 0) emptyAt = param;
      const last = messages.at(-1);
      if (last?.role !== "user") messages.push({ role: "user", content: blocks });
      else for (const block of blocks) last.content.push(block);
    },
    addSystem(texts) {
      if (messages.length === 0) return false;
      const blocks = texts.filter((text) => text.trim() !== "").map((text): UserBlock => ({ type: "system", text }));
      const last = messages.at(-1);
      if (blocks.length === 0) return true;
      if (last?.role === "user") last.content.push(...blocks);
      else messages.push({ role: "user", content: blocks });
      return true;
    },
    addAssistant(blocks) {
      if (blocks.length === 0) return;
      const last = messages.at(-1);
      requireContent();
      if (last?.role !== "assistant") messages.push({ role: "assistant", content: blocks });
      else for (const block of blocks) last.content.push(block);
    },
    end() {
      const last = messages.at(-1)?.role;
      if (last === undefined || (last === "assistant" && endsWith === "user")) {
        throw invalid("The conversation must end with a message of the user, or with results of tool calls.", list);
      }
      requireContent();
      return messages;
    },
  };
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
