/** Errors in Anthropic's shape, with the types that its SDKs and Claude Code act on. */

import type { ErrorCode, OcpError } from "../../core/errors.ts";

export interface AnthropicErrorBody {
  type: "error";
  error: { type: string; message: string; details?: { error_code: string } };
  request_id: string;
}

const types: Record<ErrorCode, string> = {
  invalid_request: "invalid_request_error",
  context_length_exceeded: "invalid_request_error",
  invalid_api_key: "authentication_error",
  upstream_authentication: "authentication_error",
  upstream_permission: "permission_error",
  forbidden: "permission_error",
  not_found: "not_found_error",
  model_not_found: "not_found_error",
  method_not_allowed: "invalid_request_error",
  slow_request: "invalid_request_error",
  conflict: "conflict_error",
  body_too_large: "request_too_large",
  storm: "rate_limit_error",
  too_many_wrong_keys: "rate_limit_error",
  queue_full: "rate_limit_error",
  quota_exceeded: "rate_limit_error",
  plan_limit: "rate_limit_error",
  internal: "api_error",
  upstream_failed: "api_error",
  not_ready: "api_error",
  timeout: "timeout_error",
  overloaded: "overloaded_error",
};

/** The body of an error response, and the data of an `error` event in a stream. The HTTP status is `error.status`. */
export function renderAnthropicError(error: OcpError, requestId: string): AnthropicErrorBody {
  const details = error.reason === undefined ? {} : { details: { error_code: error.reason } };
  return {
    type: "error",
    error: { type: types[error.code], message: wording(error), ...details },
    request_id: requestId,
  };
}

/**
 * Headers of an error response. `x-should-retry` is the vendor's word to its SDKs, which would else repeat every 429 at
 * once: a plan's window resets after hours.
 */
export function anthropicErrorHeaders(error: OcpError): Record<string, string> {
  const passing = error.code === "queue_full" || error.code === "conflict" || error.reason === "rate_limited";
  return passing || error.status >= 500 ? {} : { "x-should-retry": "false" };
}

/** The field at fault stands before the sentence, since the shape has no place of its own for it. */
function wording({ code, message, param }: OcpError): string {
  // Clients compact their conversation when they read these words.
  if (code === "context_length_exceeded") {
    return message.includes("prompt is too long") ? message : `prompt is too long: ${message}`;
  }
  return param === undefined || message.includes(param) ? message : `${param}: ${message}`;
}
