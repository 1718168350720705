/**
 * Tells which conversations begin alike: one hash for every prefix of a conversation.
 *
 * Clients echo answers a little changed: reasoning dropped, white space trimmed, arguments completed with defaults, ids
 * without their punctuation. The ids of the calls find an answer of ours, and its hash is that of the answer as we
 * gave it. The hash of any other message leaves out what such changes touch.
 */

import type { AssistantBlock, Conversation, Message, UserBlock } from "../core/conversation.ts";
import { normalisedId } from "./names.ts";

/** A hash of a principal, of what binds a process for its life, and of a list of messages. */
export type Fingerprint = string;

/** Of all prefixes of a conversation, from none of its messages to all of them. */
export interface Fingerprints {
  /** With the model, the system prompt and what else binds a process for its life. */
  bound: readonly Fingerprint[];
  /** Hashes of the principal and the messages, without the model and the system prompt. */
  bare: readonly Fingerprint[];
}

export interface FingerprintOptions {
  principalId: string;
  /** As the process gets it. */
  system: string;
  hasHostTools: boolean;
  /** Returns our answers that contain a call of this id, the newest first. */
  answersOf: (callId: string) => readonly GivenAnswer[];
}

interface GivenAnswer {
  /** The fingerprint of the conversation up to and with it. */
  print: Fingerprint;
  content: readonly AssistantBlock[];
}

export function fingerprints(conversation: Conversation, options: FingerprintOptions): Fingerprints {
  const { principalId, system, hasHostTools, answersOf } = options;
  const bound = [sha256(JSON.stringify([principalId, conversation.model, system, hasHostTools]))];
  const bare = [sha256(principalId)];
  for (const message of conversation.messages) {
    const digest = digestOf(message);
    const given = givenAs(message, answersOf).map(({ print, content }) => ({ print, digest: digestOf(of(content)) }));
    bound.push(boundOf(bound.at(-1) as Fingerprint, digest, given));
    bare.push(sha256(bare.at(-1) as Fingerprint, given[0]?.digest ?? digest));
  }
  return { bound, bare };
}

/** With a message as it is, or as the answer of ours that it may be: that one was given at this very place. */
function boundOf(before: Fingerprint, digest: string, given: ReadonlyArray<{ print: Fingerprint; digest: string }>) {
  const own = sha256(before, digest);
  if (given.some(({ print }) => print === own)) return own;
  return given.find((answer) => answer.print === sha256(before, answer.digest))?.print ?? own;
}

/** The fingerprint of a conversation that has grown by one message. */
export function extend(fingerprint: Fingerprint, message: Message): Fingerprint {
  return sha256(fingerprint, digestOf(message));
}

/** The answers of ours with exactly the calls of this message: it is one of them, whatever the client made of the rest. */
function givenAs(message: Message, answersOf: FingerprintOptions["answersOf"]): readonly GivenAnswer[] {
  if (message.role === "user") return [];
  const ids = callIds(message.content);
  const [first] = ids;
  if (first === undefined) return [];
  return answersOf(first).filter(({ content }) => {
    const known = new Set(callIds(content));
    return known.size === new Set(ids).size && ids.every((id) => known.has(id));
  });
}

const of = (content: readonly AssistantBlock[]): Message => ({ role: "assistant", content: [...content] });

function callIds(blocks: readonly AssistantBlock[]): string[] {
  return blocks.flatMap((block) => (block.type === "tool_use" ? [normalisedId(block.id)] : []));
}

function digestOf(message: Message): string {
  const normalised =
    message.role === "assistant" ? ["a", ...ofAssistant(message.content)] : ["u", ...message.content.map(ofUser)];
  return sha256(JSON.stringify(normalised));
}

/** OpenAI's dialects know one text and then the calls, so the order between the two does not count. */
function ofAssistant(blocks: readonly AssistantBlock[]): unknown[] {
  const text = blocks.map((block) => (block.type === "text" ? block.text : "")).join("");
  const calls = blocks.flatMap((block) =>
    block.type === "tool_use" ? [[normalisedId(block.id), block.name, sorted(block.input)]] : [],
  );
  return [text.replace(/\s+/g, ""), calls];
}

function ofUser(block: UserBlock): unknown[] {
  switch (block.type) {
    case "text":
      return ["t", block.text.trim()];
    case "system":
      return ["s", block.text.trim()];
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
