/** OpenAI's chat request as a conversation: what the client sent, or a 400 that names what cannot be taken. */

import type { Catalog } from "../../core/catalog.ts";
import type { Conversation } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { check, withoutNulls } from "../check.ts";
import { collectHints } from "../hints.ts";
import type { ImageLimits } from "../images.ts";
import { decodeFormat } from "./format.ts";
import { decodeMessages } from "./messages.ts";
import { decodeParameters } from "./parameters.ts";
import { type ChatRequest, chatRequestSchema, schemaKeys } from "./schema.ts";
import { decodeTooling } from "./tools.ts";

export interface DecodeContext {
  catalog: Catalog;
  images: ImageLimits;
  /** The operator's, added after the client's. */
  systemPrompt?: string | undefined;
  /** Names that the request's headers give its conversation. */
  hints: readonly string[];
}

export interface DecodedChat {
  conversation: Conversation;
  stream: boolean;
  /** Whether the stream ends with a usage chunk. */
  includeUsage: boolean;
  /** As the client wrote it; the canonical id if it named none. */
  model: string;
  /** Whether the client reads a call as the older `function_call`. */
  legacyCalls: boolean;
  /** Parameters that were accepted and have no effect, or not the whole one. */
  ignored: string[];
}

/**
 * Translates a parsed request body. Unknown keys have no meaning at any level, null is the same as absent.
 * Throws OcpError `invalid_request`, `model_not_found` or `body_too_large` with `param`; no message repeats what the
 * client sent.
 */
export function decodeChatRequest(body: unknown, context: DecodeContext): DecodedChat {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new OcpError("invalid_request", "The body must be a JSON object.");
  }
  const request = check(chatRequestSchema, withMessages(withoutNulls(body, schemaKeys) as Given));
  const { sampling, ignored } = decodeParameters(request);
  const model = context.catalog.resolve(request.model);
  const { system, messages } = decodeMessages(request.messages, context.images, ignored);
  const texts = [...system, context.systemPrompt ?? ""].filter((text) => text.trim() !== "");
  const { toolbox, legacyCalls } = decodeTooling(request, ignored);
  const { session_id, conversation_id, prompt_cache_key } = request;
  return {
    conversation: {
      model,
      system: texts.join("\n\n"),
      messages,
      toolbox,
      output: decodeFormat(request.response_format),
      sampling,
      hints: collectHints(context.hints, [session_id, conversation_id, prompt_cache_key]),
    },
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    model: request.model ?? model,
    legacyCalls,
    ignored: [...ignored],
  };
}

interface Given {
  messages?: unknown;
  prompt?: unknown;
}

/** A completion-style `prompt` is one user message. */
function withMessages(given: Given): object {
  const { messages, prompt } = given;
  if (messages !== undefined || prompt === undefined) return given;
  if (typeof prompt !== "string") {
    throw new OcpError("invalid_request", "`prompt` must be a string.", { param: "prompt" });
  }
  return { ...given, messages: [{ role: "user", content: prompt }] } satisfies Pick<ChatRequest, "messages">;
}
