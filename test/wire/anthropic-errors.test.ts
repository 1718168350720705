/** Errors in Anthropic's shape. */

import { expect, test } from "bun:test";
import { type ErrorCode, type ErrorDetail, OcpError } from "../../src/core/errors.ts";
import { anthropicErrorHeaders, renderAnthropicError } from "../../src/wire/anthropic-messages/errors.ts";

test.each<[ErrorCode, ErrorDetail, string, boolean]>([
  ["invalid_request", {}, "invalid_request_error", false],
  ["invalid_api_key", {}, "authentication_error", false],
  ["upstream_authentication", {}, "authentication_error", false],
  ["upstream_permission", {}, "permission_error", false],
  ["forbidden", {}, "permission_error", false],
  ["not_found", {}, "not_found_error", false],
  ["model_not_found", {}, "not_found_error", false],
  ["method_not_allowed", {}, "invalid_request_error", false],
  ["conflict", {}, "conflict_error", true],
  ["body_too_large", {}, "request_too_large", false],
  ["slow_request", {}, "invalid_request_error", false],
  ["too_many_wrong_keys", {}, "rate_limit_error", false],
  ["queue_full", {}, "rate_limit_error", true],
  ["plan_limit", {}, "rate_limit_error", false],
  ["plan_limit", { reason: "rate_limited" }, "rate_limit_error", true],
  ["internal", {}, "api_error", true],
  ["upstream_failed", {}, "api_error", true],
  ["not_ready", {}, "api_error", true],
  ["timeout", {}, "timeout_error", true],
  ["overloaded", {}, "overloaded_error", true],
])("%s %j is %s", (code, detail, type, retry) => {
  const error = new OcpError(code, "A sentence.", { ...detail, cause: new Error("hidden") });
  expect(renderAnthropicError(error, "req_1")).toEqual({
    type: "error",
    error: {
      type,
      message: "A sentence.",
      ...(detail.reason ? { details: { error_code: detail.reason } } : {}),
    },
    request_id: "req_1",
  });
  expect(anthropicErrorHeaders(error)).toEqual(retry ? {} : { "x-should-retry": "false" });
});

const messageOf = (error: OcpError) => renderAnthropicError(error, "req_1").error.message;

test("the field at fault is named once", () => {
  expect(messageOf(new OcpError("invalid_request", "No.", { param: "messages.0" }))).toBe("messages.0: No.");
  const told = "`max_tokens` is required.";
  expect(messageOf(new OcpError("invalid_request", told, { param: "max_tokens" }))).toBe(told);
});

test("a prompt that does not fit is worded as clients expect it", () => {
  const error = new OcpError("context_length_exceeded", "It does not fit.", { param: "messages" });
  expect(messageOf(error)).toBe("prompt is too long: It does not fit.");
  const vendors = new OcpError("context_length_exceeded", "prompt is too long: 9 tokens > 8 maximum");
  expect(messageOf(vendors)).toBe("prompt is too long: 9 tokens > 8 maximum");
});
