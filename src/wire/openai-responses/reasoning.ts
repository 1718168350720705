/**
 * The model's thinking as the `encrypted_content` of a reasoning item: clients hand it back unread, and the model's
 * API wants its own thinking back with the signature that it gave it.
 */

import type { RedactedThinkingBlock, ThinkingBlock } from "../../core/conversation.ts";
import { parseBounded } from "../../core/json-bounds.ts";

/** Tells our envelopes from those of the API that a client spoke to before. */
const mark = "ocp1.";

/** Null when there is nothing that the model's API would take back. */
export function sealThinking(block: ThinkingBlock | RedactedThinkingBlock): string | null {
  if (block.type === "thinking" && block.signature === "") return null;
  return mark + Buffer.from(JSON.stringify(block)).toString("base64url");
}

/** Null for what is not one of our envelopes. Its signature is the model's side's to check. */
export function unsealThinking(sealed: string): ThinkingBlock | RedactedThinkingBlock | null {
  if (!sealed.startsWith(mark)) return null;
  const content = parseBounded(Buffer.from(sealed.slice(mark.length), "base64url").toString());
  const { type, thinking, signature, data } = (content ?? {}) as Record<string, unknown>;
  if (type === "thinking" && typeof thinking === "string" && typeof signature === "string" && signature !== "") {
    return { type, thinking, signature };
  }
  if (type === "redacted_thinking" && typeof data === "string" && data !== "") return { type, data };
  return null;
}
