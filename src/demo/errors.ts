/** Errors in the shape, with the types and the headers of Anthropic's API. */

import { limitHeaders } from "./limits.ts";
import type { ErrorScript, ErrorStatus } from "./script.ts";

/** The API's documented error types and, for scripts that bring no text of their own, a sentence. */
export const vendorErrors = {
  400: { type: "invalid_request_error", message: "The request is invalid." },
  401: { type: "authentication_error", message: "Invalid authentication credentials" },
  403: { type: "permission_error", message: "This account may not do that." },
  404: { type: "not_found_error", message: "Not found" },
  413: { type: "request_too_large", message: "Request exceeds the maximum size" },
  429: {
    type: "rate_limit_error",
    message: "This request would exceed your account's rate limit. Please try again later.",
  },
  500: { type: "api_error", message: "Internal server error" },
  529: { type: "overloaded_error", message: "Overloaded" },
} as const satisfies Record<ErrorStatus, { type: string; message: string }>;

/** The JSON of an error: the body of a response, or the data of an `error` event in a stream. */
export function errorBody(status: ErrorStatus, message: string | undefined, requestId: string): object {
  const { type, message: usual } = vendorErrors[status];
  return { type: "error", error: { type, message: message ?? usual }, request_id: requestId };
}

/** `now`: epoch milliseconds. */
export function errorResponse(script: ErrorScript, requestId: string, now: number): Response {
  const retryAfter = script.retryAfter ?? (script.status === 429 ? 3600 : undefined);
  const headers: Record<string, string> = {
    "request-id": requestId,
    "x-should-retry": String(script.status === 429 || script.status >= 500),
  };
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  const limits = script.limits === undefined && script.status === 429 ? rejected(retryAfter ?? 0, now) : script.limits;
  if (limits) Object.assign(headers, limitHeaders(limits));
  return Response.json(errorBody(script.status, script.message, requestId), { status: script.status, headers });
}

function rejected(seconds: number, now: number) {
  const resetsAt = Math.ceil(now / 1000) + seconds;
  const fiveHour = { utilization: 1, resetsAt, status: "rejected" } as const;
  return { status: "rejected", claim: "five_hour", fiveHour } as const;
}
