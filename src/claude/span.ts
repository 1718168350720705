/**
 * Reads the frames of a turn in which the CLI runs tools of this host, because the operator asked for them: the answer
 * spans as many upstream messages as the CLI needs, and ends with the CLI's result. Its own calls never go out.
 */

import { OcpError } from "../core/errors.ts";
import { noUsage, type StopReason, type Usage } from "../core/turn.ts";
import type { Answer, AnswerOptions, Verdict } from "./answer.ts";
import { failureOf } from "./failure.ts";
import type { RateLimitInfo, StreamFrame } from "./protocol.ts";
import { addUsage, mergeUsage } from "./usage.ts";

const more: Verdict = { kind: "more" };

export type SpanOptions = Pick<AnswerOptions, "ignored" | "path" | "emit" | "now">;

export function createSpan({ ignored, path, emit, now }: SpanOptions): Answer {
  let started = false;
  let begun = false;
  /** Of the messages that have ended, and of the one that runs. */
  let total: Usage = noUsage;
  let usage: Usage = noUsage;
  let open: { theirs: number; ours: number } | null = null;
  let blocks = 0;
  let reason: StopReason = "end_turn";
  let model = "";
  /** What the last text ended with: two messages do not run together. */
  let tail = "";
  let limit: RateLimitInfo | null = null;

  const begin = () => {
    if (begun) return;
    begun = true;
    emit({ type: "start", model, usage, path, ignored });
  };
  const failed = (error: OcpError): Verdict => ({ kind: "failed", error });

  const onStream = (event: StreamFrame["event"]): Verdict => {
    switch (event.type) {
      case "message_start":
        if (open) return failed(new OcpError("upstream_failed", "The connection to Anthropic's API was cut off."));
        if (!started) model = event.message.model;
        started = true;
        usage = mergeUsage(noUsage, event.message.usage);
        return more;
      case "content_block_start": {
        const { type } = event.content_block;
        if (type !== "text" && type !== "thinking") return more;
        begin();
        open = { theirs: event.index, ours: blocks++ };
        emit({ type: "block_start", index: open.ours, block: { type } });
        if (type === "text" && tail !== "" && !tail.endsWith("\n")) {
          emit({ type: "delta", index: open.ours, delta: { type: "text", text: "\n\n" } });
        }
        return more;
      }
      case "content_block_delta": {
        if (!open || event.index !== open.theirs) return more;
        const { delta } = event;
        if (delta.type === "text_delta" && delta.text !== "") {
          tail = delta.text;
          emit({ type: "delta", index: open.ours, delta: { type: "text", text: delta.text } });
        } else if (delta.type === "thinking_delta" && delta.thinking !== "") {
          emit({ type: "delta", index: open.ours, delta: { type: "thinking", text: delta.thinking } });
        }
        return more;
      }
      case "content_block_stop":
        if (!open || event.index !== open.theirs) return more;
        emit({ type: "block_stop", index: open.ours });
        open = null;
        return more;
      case "message_delta":
        usage = mergeUsage(usage, event.usage);
        if (event.delta.stop_reason !== null) {
          total = addUsage(total, usage);
          usage = noUsage;
          reason = event.delta.stop_reason as StopReason;
        }
        return more;
      default:
        return more;
    }
  };

  return {
    get started() {
      return started;
    },
    get begun() {
      return begun;
    },
    accept(frame) {
      if (frame.type === "stream_event") return frame.parent_tool_use_id ? more : onStream(frame.event);
      if (frame.type === "rate_limit_event") limit = frame.rate_limit_info;
      if (frame.type !== "result") return more;
      if (frame.is_error) return failed(failureOf(frame, limit, now()));
      begin();
      emit({ type: "end", stop: reason === "tool_use" ? "end_turn" : reason, stopSequence: null, usage: total });
      return { kind: "ended", clean: reason === "end_turn" };
    },
  };
}
