/** Bodies of the Responses API on the chat route, as Cursor sends them: read as what they are, answered as a chat. */

import { decodeResponsesRequest } from "../openai-responses/decode.ts";
import type { DecodeContext, DecodedChat } from "./decode.ts";

export function isResponsesShaped(body: Record<string, unknown>): boolean {
  return body.messages == null && body.input != null;
}

/** Throws what `decodeResponsesRequest` throws. */
export function decodeResponsesShaped(body: Record<string, unknown>, context: DecodeContext): DecodedChat {
  const { conversation, stream, model, ignored } = decodeResponsesRequest(body, context);
  const { include_usage } = (body.stream_options ?? {}) as { include_usage?: unknown };
  return { conversation, stream, model, ignored, includeUsage: include_usage === true, legacyCalls: false };
}
