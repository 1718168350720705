/** What the interactive CLI writes down of a failed request, as one of our errors. */

import type { OcpError } from "../../core/errors.ts";
import { failureOf } from "../failure.ts";
import type { RateLimitInfo, ResultFrame } from "../protocol.ts";
import type { TranscriptLine } from "./transcript-file.ts";

/**
 * The line is one of `isApiErrorMessage`: its text is what a person reads, the rest says what happened (2.1.197 names
 * the status, 2.1.330 the plan's limits too). `now` in epoch ms.
 */
export function failureIn(line: TranscriptLine, now: number): OcpError {
  const text = textOf(line).replace(/^Please run \/login · /, "");
  const status = typeof line.apiErrorStatus === "number" ? line.apiErrorStatus : null;
  return failureOf(
    // What the headless CLI says of the same (failure.ts).
    { type: "result", subtype: "success", result: text, api_error_status: status } as unknown as ResultFrame,
    limitIn(line),
    now,
  );
}

/** What a refused request tells of the plan; null: nothing. */
export function limitIn({ quotaLimits }: TranscriptLine): RateLimitInfo | null {
  return typeof quotaLimits === "object" && quotaLimits !== null ? (quotaLimits as RateLimitInfo) : null;
}

function textOf({ message }: TranscriptLine): string {
  const content = Array.isArray(message?.content) ? message.content : [];
  return content.map((block) => (typeof block?.text === "string" ? block.text : "")).join("");
}
