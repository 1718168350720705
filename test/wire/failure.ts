/** The OcpError that a call throws. */

import { OcpError } from "../../src/core/errors.ts";

/** Fails the test when the call returns, or throws anything else. */
export function failure(call: () => unknown): OcpError {
  try {
    call();
  } catch (error) {
    if (error instanceof OcpError) return error;
    throw error;
  }
  throw new Error("expected an OcpError, but nothing was thrown");
}
