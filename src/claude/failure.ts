/** Reads what the CLI says of a failed turn and names it as one of our errors. */

import { OcpError } from "../core/errors.ts";
import { planLimitReached } from "../core/plan.ts";
import type { RateLimitInfo, ResultFrame } from "./protocol.ts";

/** Seconds to wait after a 429 that names no reset: the CLI passes no Retry-After on. */
const shortPause = 20;
const longestText = 500;
/** What a Date can hold, in epoch seconds. */
const latestSecond = 8.64e12;

/** `limit` is what the CLI last said of the plan in this turn; `now` in epoch ms. */
export function failureOf(result: ResultFrame, limit: RateLimitInfo | null, now: number): OcpError {
  const text = "result" in result && typeof result.result === "string" ? result.result : result.subtype;
  const status = ("api_error_status" in result ? result.api_error_status : null) ?? null;
  const reason = result.terminal_reason as string | undefined;
  const said = text
    .replace(/^(Failed to authenticate\. )?API Error: (\d{3} )?/, "")
    .replace(/ If it persists, check your inference gateway.*$/, "")
    .slice(0, longestText);

  const ended = `The claude CLI ended the turn: ${[result.subtype, reason].filter(Boolean).join(", ")}.`;
  if (reason === "prompt_too_long" || reason === "blocking_limit" || /^prompt is too long/i.test(said)) {
    return new OcpError("context_length_exceeded", "The prompt is longer than the model's context window.");
  }
  if (status === 413) return new OcpError("body_too_large", "The request is too large for the model's API (32 MB).");
  if (reason === "image_error") {
    const forLog = "The claude CLI refused an image of the prompt.";
    return new OcpError("invalid_request", "", { reason: "image_error", said, forLog });
  }

  switch (status) {
    case 400:
      return new OcpError("invalid_request", "", {
        said,
        forLog: "Anthropic's API refused the request with status 400.",
      });
    case 401:
      return new OcpError(
        "upstream_authentication",
        "Anthropic refused this server's login. On the server, run `claude` and log in again.",
      );
    case 403:
      return new OcpError("upstream_permission", "Anthropic refuses this account the request: ", {
        said,
        forLog: "Anthropic refuses this account the request (status 403).",
      });
    case 404:
      return new OcpError("model_not_found", "The model does not exist, or this account has no access to it.", {
        param: "model",
      });
    case 429:
      return limited(limit, said, now);
    case 503:
      return new OcpError("overloaded", "Anthropic's API is unavailable for the moment.");
    case 504:
      return new OcpError("timeout", "Anthropic's API did not answer in time.");
    case 529:
      return new OcpError("overloaded", "Anthropic's API is overloaded.");
    case null:
      if (/not logged in|\/login/i.test(text)) return notLoggedIn();
      if (/^overloaded/i.test(said)) return new OcpError("overloaded", "Anthropic's API is overloaded.");
      return connectionFailure(said) ?? new OcpError("upstream_failed", "The answer failed: ", { said, forLog: ended });
    default:
      return new OcpError("upstream_failed", `Anthropic's API answered ${status}: `, {
        said,
        forLog: `Anthropic's API answered with status ${status}.`,
      });
  }
}

/**
 * An API that cannot be reached: the CLI ends its sentence with the system's name of the error, such as
 * `(ECONNREFUSED)` on 2.1.330 or `(ConnectionRefused)` on 2.1.197. Null for any other text.
 */
function connectionFailure(said: string): OcpError | null {
  const [, sentence = "", name = ""] = /^([^()]{1,200}) \(([A-Za-z_0-9]{3,40})\)$/.exec(said) ?? [];
  if (!/connect|reach|socket|timed out|network|certificate|DNS/i.test(sentence)) return null;
  return new OcpError("upstream_failed", `The claude CLI cannot reach Anthropic's API (${name}).`);
}

export function notLoggedIn(): OcpError {
  return new OcpError(
    "not_ready",
    "This server's claude CLI is not logged in. On the server, run `claude` and log in, or set CLAUDE_CODE_OAUTH_TOKEN to what `claude setup-token` prints.",
  );
}

function limited(limit: RateLimitInfo | null, said: string, now: number): OcpError {
  const resetsAt = typeof limit?.resetsAt === "number" ? limit.resetsAt : Number.NaN;
  if (limit?.status !== "rejected" || !(Math.abs(resetsAt) < latestSecond)) {
    return new OcpError("plan_limit", "Anthropic limits this account for the moment: ", {
      retryAfter: shortPause,
      reason: "rate_limited",
      said,
      forLog: "Anthropic limits this account for the moment (status 429).",
    });
  }
  return planLimitReached(limit.rateLimitType, resetsAt * 1000, now);
}
