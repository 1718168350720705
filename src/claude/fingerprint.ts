/**
 * Tells whether a process already holds what a request begins with: one hash for every prefix of a conversation.
 *
 * Clients echo answers a little changed: white space trimmed, reasoning dropped, arguments written anew, a text as a
 * string or as blocks, ids without their punctuation. What such a change cannot touch is what is hashed.
 */

import type { AssistantBlock, Conversation, Message, UserBlock } from "../core/conversation.ts";
import { thinksNot } from "./dials.ts";
import { normalisedId } from "./names.ts";

/** A hash of a principal, what binds a process for its life, and a list of messages. */
export type Fingerprint = string;

/**
 * The fingerprints of all prefixes, from none of the messages to all of them. A process can only be used again by its
 * principal, with the same model, system prompt and way of thinking: the CLI takes those once, or cannot take them back.
 */
export function fingerprints(
  conversation: Conversation,
  principalId: string,
  system: string,
  hasHostTools: boolean,
): Fingerprint[] {
  const { model, sampling, messages } = conversation;
  const { effort, thinkingBudget } = sampling;
  const bound = [
    principalId,
    model,
    system,
    effort ?? null,
    thinkingBudget ?? null,
    thinksNot(conversation),
    hasHostTools,
  ];
  const hashes = [sha256(JSON.stringify(bound))];
  for (const message of messages) hashes.push(extend(hashes.at(-1) as Fingerprint, message));
  return hashes;
}

/** The fingerprint of a conversation that has grown by one message. */
export function extend(fingerprint: Fingerprint, message: Message): Fingerprint {
  // In two parts: joined, a long message would be copied once more.
  return sha256(fingerprint, JSON.stringify(normalised(message)));
}

function normalised(message: Message): unknown[] {
  return message.role === "assistant" ? ["a", ...ofAssistant(message.content)] : ["u", ...message.content.map(ofUser)];
}

/** OpenAI's dialects know one text and then the calls, so the order between the two does not count. */
function ofAssistant(blocks: readonly AssistantBlock[]): unknown[] {
  const text = blocks.map((block) => (block.type === "text" ? block.text : "")).join("");
  const calls = blocks.flatMap((block) =>
    block.type === "tool_use" ? [[normalisedId(block.id), block.name, sorted(block.input)]] : [],
  );
  return [text.trim(), calls];
}

function ofUser(block: UserBlock): unknown[] {
  switch (block.type) {
    case "text":
      return ["t", block.text.trim()];
    case "image":
    case "document":
      return [block.type, sha256(JSON.stringify(block.source))];
    case "tool_result":
      return ["r", normalisedId(block.tool_use_id), block.is_error ?? false, block.content.map(ofUser)];
  }
}

/** JSON with its keys in order, at every level. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, each]) => [key, sorted(each)]);
}

function sha256(...texts: string[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const text of texts) hasher.update(text);
  return hasher.digest("base64url");
}
