/** Which requests may share an answer from the cache, and the name under which they do. */

import type { Conversation, Message } from "./conversation.ts";

/** Part of every key: entries that were written in another form are not found any more. */
const form = 1;

/**
 * Whether the same question deserves the same answer: nothing that tools do happens in a replay, and what a URL shows
 * may have changed since.
 */
export function isCacheable({ toolbox, messages }: Conversation): boolean {
  return toolbox === null && messages.every(({ content }) => content.every(isSelfContained));
}

function isSelfContained(block: Message["content"][number]): boolean {
  if (block.type === "tool_use" || block.type === "tool_result") return false;
  return !("source" in block) || block.source.type !== "url";
}

/**
 * A SHA-256 in base64url over who asks, everything that the model is told, and `epoch`, which stands for the
 * configuration that the answer depends on. What is hashed is one JSON text, so no two requests run together. Only the
 * order of keys that our decoders chose is levelled: in a schema it is the client's, and the model follows it.
 */
export function cacheKey(principalId: string, conversation: Conversation, epoch: string): string {
  // Hints name a conversation and are no part of it.
  const { hints: _, output, ...asked } = conversation;
  const format = output && [output.name, JSON.stringify(output.schema)];
  const text = JSON.stringify([form, epoch, principalId, inOrder(asked), format]);
  return new Bun.CryptoHasher("sha256").update(text).digest("base64url");
}

/** The same value, its objects' keys sorted. */
function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const entries = Object.entries(value).map(([key, child]): [string, unknown] => [key, inOrder(child)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
