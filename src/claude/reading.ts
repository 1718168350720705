/** Reads the frames of one turn: what both kinds of answer, one message and a span of them, have in common. */

import type { Sampling } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { ProcessPath, StartReason, TurnEvent } from "../core/turn.ts";
import { failureOf } from "./failure.ts";
import type { CliFrame, RateLimitInfo, StreamFrame } from "./protocol.ts";

export type Verdict =
  | { kind: "more" }
  | { kind: "ended"; left: Left }
  | { kind: "failed"; error: OcpError }
  /**
   * The whole answer has come and is being validated: what else comes from the process is none of it. `decide` is to
   * be called once, unless the turn is over by then; it lets out what is left and gives the last verdict.
   */
  | { kind: "validating"; decided: Promise<() => Verdict> };

/**
 * How an ended answer leaves its process. `clean`: it holds the conversation as the client saw it, and may live on.
 * `spent`: it holds something else, and rests. `astray`: it would go on by itself.
 */
export type Left = "clean" | "spent" | "astray";

export interface Answer {
  /** Whether the API has begun to answer. */
  readonly started: boolean;
  /** Whether anything went out: from then on the turn cannot be repeated. */
  readonly begun: boolean;
  accept(frame: CliFrame): Verdict;
}

export interface ReadingOptions {
  /** Parameters that were left out because the model's API refuses them. */
  ignored: Array<keyof Sampling>;
  path: ProcessPath;
  reason: StartReason | null;
  emit: (event: TurnEvent) => void;
  now: () => number;
}

export interface Reader {
  /** An event of the API's stream. */
  onStream(event: StreamFrame["event"]): Verdict;
  onSystem?(frame: Extract<CliFrame, { type: "system" }>): Verdict;
  /** The CLI ends the turn, and says nothing of a failure. */
  onResult(): Verdict;
}

export const more: Verdict = { kind: "more" };

export const failed = (error: OcpError): Verdict => ({ kind: "failed", error });

export const cut = (): Verdict =>
  failed(new OcpError("upstream_failed", "The connection to Anthropic's API was cut off."));

export function readFrames({ onStream, onSystem, onResult }: Reader, now: () => number): Answer["accept"] {
  let limit: RateLimitInfo | null = null;
  return (frame) => {
    switch (frame.type) {
      case "stream_event":
        // Messages of subagents are none of the answer.
        return frame.parent_tool_use_id ? more : onStream(frame.event);
      case "rate_limit_event":
        limit = frame.rate_limit_info;
        return more;
      case "system":
        return onSystem?.(frame) ?? more;
      case "result":
        return frame.is_error ? failed(failureOf(frame, limit, now())) : onResult();
      default:
        return more;
    }
  };
}
