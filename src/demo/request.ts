/** The part of a Messages request that the simulated API reads, and the checks whose refusals matter to a caller. */

import { between } from "../core/text.ts";
import type { ErrorScript } from "./script.ts";

export interface ContentBlock {
  type: string;
  text?: string;
  content?: string | ContentBlock[];
  [field: string]: unknown;
}

export interface RequestMessage {
  /** The CLI also sends `system` here, for its own reminders. */
  role: "user" | "assistant" | "system";
  content: string | ContentBlock[];
  output_config?: unknown;
}

export interface MessagesBody {
  model: string;
  messages: RequestMessage[];
  system?: string | ContentBlock[];
  max_tokens?: number;
  stop_sequences?: string[];
  stream?: boolean;
  [field: string]: unknown;
}

const maxBytes = 32 * 1024 * 1024;

/**
 * What the API would refuse, in its own words; undefined: the request is one.
 * `window`: tokens that the model takes, undefined for a model that does not exist.
 */
export function refuse(
  body: MessagesBody | null,
  facts: { bytes: number; tokens: number; counting: boolean; window: (model: string) => number | undefined },
): ErrorScript | undefined {
  const invalid = (message: string): ErrorScript => ({ status: 400, message });
  if (facts.bytes > maxBytes) return { status: 413, message: "Request exceeds the maximum size" };
  if (!body) return invalid("The request body is not valid JSON");
  if (typeof body.model !== "string") return invalid("model: Field required");
  if (!Array.isArray(body.messages)) return invalid("messages: Field required");
  if (body.messages.length === 0) return invalid("messages: at least one message is required");
  const odd = body.messages.findIndex((message) => !isMessage(message));
  if (odd !== -1) return invalid(`messages.${odd}: Input should be a message with content`);
  if (!facts.counting && body.max_tokens === undefined) return invalid("max_tokens: Field required");
  if (body.max_tokens !== undefined && !(Number.isInteger(body.max_tokens) && body.max_tokens > 0)) {
    return invalid("max_tokens: Input should be greater than or equal to 1");
  }
  if (body.messages[0]?.role !== "user") return invalid('messages: first message must use the "user" role');
  const bare = body.messages.findIndex((message) => message.content.length === 0 && !setsEffort(message));
  if (bare !== -1) return invalid(`messages.${bare}: all messages must have non-empty content`);
  const empty = body.messages.some((message) => blocksOf(message.content).some(isEmptyText));
  if (empty) return invalid("messages: text content blocks must be non-empty");
  const window = facts.window(body.model);
  if (window === undefined) return { status: 404, message: `model: ${body.model}` };
  if (facts.tokens > window) return invalid(`prompt is too long: ${facts.tokens} tokens > ${window} maximum`);
  return undefined;
}

/** The CLI changes the effort within a conversation by a system message without content (2.1.330). */
function setsEffort({ role, output_config }: RequestMessage): boolean {
  return role === "system" && output_config !== undefined;
}

function isMessage(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("content" in value)) return false;
  const { content } = value;
  if (!Array.isArray(content)) return typeof content === "string";
  return content.every((block) => typeof block === "object" && block !== null);
}

export function blocksOf(content: string | ContentBlock[] | undefined): ContentBlock[] {
  if (Array.isArray(content)) return content;
  return content === undefined ? [] : [{ type: "text", text: content }];
}

function isEmptyText(block: ContentBlock): boolean {
  return block.type === "text" && block.text === "";
}

/** The last user message's texts and tool results, without the reminders that the CLI puts beside them. */
export function lastUserText(body: MessagesBody): string {
  const message = body.messages.findLast((one) => one.role === "user");
  return withoutReminders(textOf(message?.content)).trim();
}

function withoutReminders(text: string): string {
  let kept = "";
  let from = 0;
  for (let next = reminder(text, from); next; next = reminder(text, from)) {
    kept += text.slice(from, next.end - next.inside.length - "<system-reminder></system-reminder>".length);
    from = next.end;
  }
  return kept + text.slice(from);
}

const reminder = (text: string, from: number) => between(text, "<system-reminder>", "</system-reminder>", from);

function textOf(content: string | ContentBlock[] | undefined): string {
  return blocksOf(content)
    .map((block) => (block.type === "tool_result" ? textOf(block.content) : (block.text ?? "")))
    .join("\n");
}

/** Tokens that an image or a document counts for; the API's own figure depends on its size in pixels or pages. */
const mediaTokens = 1600;

/** An estimate of the prompt's tokens: a quarter of its characters, a fixed number for each image and document. */
export function estimateTokens(body: MessagesBody): number {
  let media = 0;
  const characters = (value: unknown): number => {
    if (typeof value === "string") return value.length;
    if (typeof value !== "object" || value === null) return 0;
    if ("type" in value && (value.type === "image" || value.type === "document")) {
      media++;
      return 0;
    }
    let sum = 0;
    for (const one of Object.values(value)) sum += characters(one);
    return sum;
  };
  const total = characters(body.system) + characters(body.messages) + characters(body.tools);
  return Math.ceil(total / 4) + media * mediaTokens;
}

/**
 * Tokens of the model's window: 200,000 up to the 4.6 models, 1,000,000 since; undefined for what is no Claude model.
 * Read from the model registry of CLI 2.1.330.
 */
export function defaultWindow(model: string): number | undefined {
  if (!model.startsWith("claude-")) return undefined;
  return /^claude-3|-4(-[0-6])?(-\d{8})?$/.test(model) ? 200_000 : 1_000_000;
}
