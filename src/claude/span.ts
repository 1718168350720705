/**
 * Reads the frames of a turn in which the CLI runs tools of this host, because the operator asked for them: the answer
 * spans as many upstream messages as the CLI needs, and ends with the CLI's result. Its own calls never go out. A
 * message without a call after which the CLI would ask once more for the same ends the answer right there.
 */

import { noUsage, type StopReason, type Usage } from "../core/turn.ts";
import type { StreamFrame } from "./protocol.ts";
import { type Answer, cut, type Left, more, type ReadingOptions, readFrames, type Verdict } from "./reading.ts";
import { addUsage, mergeUsage } from "./usage.ts";

/** The ends after which the CLI ends the turn too, if anything was said. */
const natural = new Set<StopReason>(["end_turn", "stop_sequence"]);

export function createSpan({ ignored, path, reason: startedFor, emit, now }: ReadingOptions): Answer {
  let started = false;
  let begun = false;
  /** Of the messages that have ended, and of the one that runs. */
  let total: Usage = noUsage;
  let usage: Usage = noUsage;
  let open: { theirs: number; ours: number } | null = null;
  let blocks = 0;
  let reason: StopReason = "end_turn";
  let model = "";
  /** True once the running message has called a tool, and once it has shown text. */
  let called = false;
  let said = false;
  /** What the last text ended with: two messages do not run together. */
  let tail = "";

  const begin = () => {
    if (begun) return;
    begun = true;
    emit({ type: "start", model, usage, path, reason: startedFor, ignored });
  };

  const end = (left: Left): Verdict => {
    begin();
    if (open) emit({ type: "block_stop", index: open.ours });
    open = null;
    emit({ type: "end", stop: reason === "tool_use" ? "end_turn" : reason, stopSequence: null, usage: total });
    return { kind: "ended", left };
  };

  const onStream = (event: StreamFrame["event"]): Verdict => {
    switch (event.type) {
      case "message_start":
        if (open) return cut();
        if (!started) model = event.message.model;
        started = true;
        usage = mergeUsage(noUsage, event.message.usage);
        called = false;
        said = false;
        return more;
      case "content_block_start": {
        const { type } = event.content_block;
        if (type === "tool_use") called = true;
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
          if (delta.text.trim() !== "") said = true;
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
          if (!called && !(said && natural.has(reason))) return end("astray");
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
    accept: readFrames(
      {
        onStream,
        onResult: () => end(reason === "end_turn" ? "clean" : "spent"),
      },
      now,
    ),
  };
}
