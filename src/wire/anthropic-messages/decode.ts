/** Anthropic's Messages request as a conversation: nearly the identity. */

import type { Catalog } from "../../core/catalog.ts";
import type { Conversation } from "../../core/conversation.ts";
import { createAlternation } from "../alternation.ts";
import { check, withoutNulls } from "../check.ts";
import { collectHints } from "../hints.ts";
import type { ImageLimits } from "../images.ts";
import { completeResults } from "../results.ts";
import { createBlockDecoder } from "./blocks.ts";
import { decodeOutput, decodeSampling, decodeTools } from "./parameters.ts";
import { countRequestSchema, type MessagesRequest, messagesRequestSchema, ownJson } from "./schema.ts";

export interface DecodeContext {
  catalog: Catalog;
  images: ImageLimits;
  /** The operator's, added after the client's. */
  systemPrompt?: string | undefined;
  /** Names of the conversation that the request's head gave. */
  hints: readonly string[];
}

export interface DecodedRequest {
  conversation: Conversation;
  stream: boolean;
  /** Parameters that were accepted and have no effect. */
  ignored: string[];
}

/**
 * Translates a parsed request body. Throws OcpError `invalid_request`, `model_not_found` or `body_too_large` with
 * `param`; no message repeats what the client sent.
 */
export function decodeMessagesRequest(body: object, context: DecodeContext): DecodedRequest {
  const request = check(messagesRequestSchema, withoutNulls(body, ownJson));
  return { ...decode(request, context, "user"), stream: request.stream ?? false };
}

/** The conversation of a request to count: it needs no `max_tokens`, and may end with the assistant's message. */
export function decodeCountRequest(body: object, context: DecodeContext): Conversation {
  return decode(check(countRequestSchema, withoutNulls(body, ownJson)), context, "anyone").conversation;
}

function decode(request: MessagesRequest, context: DecodeContext, endsWith: "user" | "anyone") {
  const ignored = new Set<string>();
  // First, since the messages of a request that is not for us need not make sense.
  const sampling = decodeSampling(request, ignored);
  const blocks = createBlockDecoder(context.images, ignored);
  const alternation = createAlternation("messages", endsWith);
  const system = withoutBillingNote(blocks.system(request.system ?? [], "system"));

  const addSystem = (texts: string[]) => {
    if (!alternation.addSystem(texts)) system.push(...texts);
  };

  for (const [index, { role, content }] of request.messages.entries()) {
    const param = `messages.${index}.content`;
    if (role === "user") alternation.addUser(blocks.user(content, param), param);
    else if (role === "assistant") alternation.addAssistant(blocks.assistant(content, param));
    else addSystem(blocks.system(content, param));
  }

  const conversation: Conversation = {
    model: context.catalog.resolve(request.model),
    system: [...system, context.systemPrompt ?? ""].filter((text) => text.trim() !== "").join("\n\n"),
    messages: completeResults(alternation.end(), blocks.placeOf),
    toolbox: decodeTools(request, ignored),
    output: decodeOutput(request),
    sampling,
    hints: collectHints(context.hints, bodyHints(request)),
  };
  return { conversation, ignored: [...ignored] };
}

/**
 * Claude Code's first block is no prompt but a note on who pays, whose text changes from request to request; with it no
 * conversation would find its process again, and the CLI writes one of its own.
 */
function withoutBillingNote(texts: string[]): string[] {
  return texts[0]?.startsWith("x-anthropic-billing-header:") ? texts.slice(1) : texts;
}

function bodyHints(request: MessagesRequest): unknown[] {
  const given = new Map<string, unknown>(Object.entries(request));
  const named = ["session_id", "conversation_id", "prompt_cache_key"].map((name) => given.get(name));
  return [...named, request.metadata?.user_id];
}
