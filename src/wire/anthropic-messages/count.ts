/** `/v1/messages/count_tokens`, answered by an estimate: the exact figure would cost a request upstream. */

import { estimateInputTokens } from "../../core/estimate.ts";
import { type DecodeContext, decodeCountRequest } from "./decode.ts";

export interface TokenCount {
  input_tokens: number;
}

/** Throws what `decodeMessagesRequest` throws. */
export function countTokens(body: object, context: DecodeContext): TokenCount {
  return { input_tokens: estimateInputTokens(decodeCountRequest(body, context)) };
}
