/** Errors in OpenAI's shape, with the types and codes that its SDKs and the clients built on them act on. */

import type { ErrorCode, ExceededQuota, OcpError } from "../../core/errors.ts";

export interface OpenAiErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null; quota?: ExceededQuota };
}

/** Type and code for each of ours. `reason` stands for the error's own finer reason, where one was given. */
const shapes: Record<ErrorCode, { type: string; code: string | null; reason?: true }> = {
  invalid_request: { type: "invalid_request_error", code: null, reason: true },
  context_length_exceeded: { type: "invalid_request_error", code: "context_length_exceeded" },
  invalid_api_key: { type: "invalid_request_error", code: "invalid_api_key" },
  upstream_authentication: { type: "authentication_error", code: "upstream_authentication" },
  upstream_permission: { type: "permission_error", code: "upstream_permission" },
  forbidden: { type: "permission_error", code: "forbidden" },
  not_found: { type: "invalid_request_error", code: "not_found", reason: true },
  model_not_found: { type: "invalid_request_error", code: "model_not_found" },
  method_not_allowed: { type: "invalid_request_error", code: "method_not_allowed" },
  slow_request: { type: "invalid_request_error", code: "slow_request" },
  conflict: { type: "invalid_request_error", code: "conflict" },
  body_too_large: { type: "invalid_request_error", code: "body_too_large", reason: true },
  storm: { type: "rate_limit_error", code: "repeated_request" },
  too_many_wrong_keys: { type: "rate_limit_error", code: "too_many_wrong_keys" },
  queue_full: { type: "rate_limit_error", code: "rate_limit_exceeded" },
  quota_exceeded: { type: "quota_exceeded", code: "quota_exceeded" },
  // Clients give up on this one instead of trying again at once: a plan's window resets after hours.
  plan_limit: { type: "insufficient_quota", code: "insufficient_quota" },
  internal: { type: "server_error", code: "internal_error" },
  upstream_failed: { type: "server_error", code: "upstream_failed" },
  not_ready: { type: "server_error", code: "not_ready" },
  timeout: { type: "server_error", code: "timeout" },
  overloaded: { type: "server_error", code: "overloaded" },
};

/** The body of an error response, and of an error frame in a stream. The HTTP status is `error.status`. */
export function renderOpenAiError(error: OcpError): OpenAiErrorBody {
  const passing = error.code === "plan_limit" && error.reason === "rate_limited";
  const shape = shapes[passing ? "queue_full" : error.code];
  const code = shape.reason ? (error.reason ?? shape.code) : shape.code;
  const quota = error.quota === undefined ? {} : { quota: error.quota };
  return { error: { message: error.message, type: shape.type, param: error.param ?? null, code, ...quota } };
}
