/** Errors in OpenAI's shape. */

import { expect, test } from "bun:test";
import { type ErrorCode, type ErrorDetail, OcpError } from "../../src/core/errors.ts";
import { renderOpenAiError } from "../../src/wire/openai-chat/errors.ts";

test.each<[ErrorCode, ErrorDetail, number, string, string | null]>([
  ["invalid_request", {}, 400, "invalid_request_error", null],
  ["invalid_request", { reason: "invalid_image_url" }, 400, "invalid_request_error", "invalid_image_url"],
  ["context_length_exceeded", { reason: "x" }, 400, "invalid_request_error", "context_length_exceeded"],
  ["invalid_api_key", {}, 401, "invalid_request_error", "invalid_api_key"],
  ["upstream_authentication", {}, 401, "authentication_error", "upstream_authentication"],
  ["upstream_permission", {}, 403, "permission_error", "upstream_permission"],
  ["forbidden", {}, 403, "permission_error", "forbidden"],
  ["not_found", {}, 404, "invalid_request_error", "not_found"],
  ["model_not_found", {}, 404, "invalid_request_error", "model_not_found"],
  ["method_not_allowed", {}, 405, "invalid_request_error", "method_not_allowed"],
  ["body_too_large", {}, 413, "invalid_request_error", "body_too_large"],
  ["body_too_large", { reason: "too_many_images" }, 413, "invalid_request_error", "too_many_images"],
  ["slow_request", {}, 408, "invalid_request_error", "slow_request"],
  ["too_many_wrong_keys", {}, 429, "rate_limit_error", "too_many_wrong_keys"],
  ["queue_full", {}, 429, "rate_limit_error", "rate_limit_exceeded"],
  ["plan_limit", {}, 429, "insufficient_quota", "insufficient_quota"],
  ["internal", {}, 500, "server_error", "internal_error"],
  ["upstream_failed", {}, 502, "server_error", "upstream_failed"],
  ["not_ready", {}, 503, "server_error", "not_ready"],
  ["timeout", {}, 504, "server_error", "timeout"],
  ["overloaded", {}, 529, "server_error", "overloaded"],
])("%s %j is %d %s", (code, detail, status, type, rendered) => {
  const error = new OcpError(code, "A sentence.", { ...detail, param: "a.b", cause: new Error("hidden") });
  expect(error.status).toBe(status);
  expect(renderOpenAiError(error)).toEqual({ error: { message: "A sentence.", type, param: "a.b", code: rendered } });
});

test("a field that is not named is null, and no key is left out", () => {
  expect(renderOpenAiError(new OcpError("timeout", "Too late."))).toEqual({
    error: { message: "Too late.", type: "server_error", param: null, code: "timeout" },
  });
});
