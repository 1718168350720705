/** How a turn's events may end other than with their `end`. */

import { OcpError } from "../core/errors.ts";

/** The events ended without it. */
export function cutOff(): OcpError {
  return new OcpError("upstream_failed", "The answer was cut off before its end.");
}

/** What was thrown, as a client may see it. */
export function asOcpError(error: unknown): OcpError {
  return error instanceof OcpError ? error : new OcpError("internal", "Internal error.", { cause: error });
}
