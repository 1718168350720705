/**
 * Reads the frames of one turn as one answer: exactly one upstream message, whatever the CLI would do next by itself.
 *
 * Nothing goes out before the first piece of content, so that a turn that fails earlier keeps its honest status and
 * may be tried again by the caller. A second message, or the CLI's own retry of a begun one, fails the turn.
 */

import { OcpError } from "../core/errors.ts";
import { type BlockStart, noUsage, type StopReason, type Usage } from "../core/turn.ts";
import { createOutlet } from "./outlet.ts";
import type { Output } from "./output.ts";
import type { StreamFrame } from "./protocol.ts";
import { type Answer, cut, failed, more, type ReadingOptions, readFrames, type Verdict } from "./reading.ts";
import { matchStops } from "./stops.ts";
import { mergeUsage } from "./usage.ts";

export interface AnswerOptions extends ReadingOptions {
  stop: readonly string[];
  /** The client's name of a tool as the model called it; null: it was not offered. */
  nameOf: (called: string) => string | null;
  /** Whether the client asked for a call: an answer without one is then of no use. */
  mustCall: boolean;
  /** Null: the answer is text. */
  output: Output | null;
}

/** The reason of an error that means: the model has answered, was paid for, and the answer is of no use. */
export const unusable = "unusable_answer";

const unusableAnswer = (message: string) => new OcpError("upstream_failed", message, { reason: unusable });

/** The verdict on an answer in JSON: `give` lets out the one that fits. */
export function validating(accepted: Promise<string | null>, give: (value: string) => Verdict): Verdict {
  const decided = accepted.then((value) => () => {
    if (value !== null) return give(value);
    return failed(unusableAnswer("The model did not answer in the format that was asked for."));
  });
  // Nobody waits for it where the turn has ended meanwhile.
  decided.catch(() => {});
  return { kind: "validating", decided };
}

const stopReasons = new Set<string>([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "refusal",
  "model_context_window_exceeded",
] satisfies StopReason[]);
const lastsClean = new Set<StopReason>(["end_turn", "stop_sequence", "tool_use"]);

export function createAnswer(options: AnswerOptions): Answer {
  const { nameOf, mustCall, output, ignored, path, reason: startedFor, emit, now } = options;
  const stops = matchStops(output ? [] : options.stop);
  const outlet = createOutlet(emit);
  let started = false;
  let usage: Usage = noUsage;
  let estimatedThinking = 0;
  /** The open block: its index in the API's message, and in ours, where blocks that we do not pass on do not count. */
  let open: { theirs: number; ours: number; type: string } | null = null;
  let calls = 0;
  /** True once there was visible text or a call: after a message without either the CLI asks again by itself. */
  let substance = false;
  /** Whether there was a call that nobody will answer. */
  let strayCall = false;
  /** Where the answer must be JSON: what came of it, and what the model said beside it. */
  let json: string | null = null;
  let prose = "";

  const end = (reason: StopReason, stopSequence: string | null): Verdict => {
    if (open && open.ours >= 0) outlet.put({ type: "block_stop", index: open.ours });
    open = null;
    const thinking = usage.thinking || Math.min(estimatedThinking, usage.output);
    outlet.send({ type: "end", stop: reason, stopSequence, usage: { ...usage, thinking } });
    return { kind: "ended", left: lastsClean.has(reason) && substance && !strayCall ? "clean" : "astray" };
  };

  const say = (index: number, piece: string) => {
    if (piece.trim() !== "") substance = true;
    outlet.say(index, piece);
  };
  const onText = (index: number, text: unknown): Verdict => {
    if (typeof text !== "string") throw new Error("a text without text");
    const { emit: piece, matched } = stops.push(text);
    say(index, piece);
    if (matched === null) return more;
    end("stop_sequence", matched);
    // The API's message goes on.
    return { kind: "ended", left: "astray" };
  };
  const opens = (theirs: number, type: string, block: BlockStart): Verdict => {
    open = { theirs, ours: outlet.open(block), type };
    return more;
  };

  /** Ends an answer that must be JSON, once it is known whether it fits. */
  const endOutput = (wanted: Output, reason: StopReason): Verdict => {
    if (reason !== "end_turn" && reason !== "tool_use") return end(reason, null);
    return validating(wanted.accept(json ?? prose), (value) => giveOutput(wanted, value));
  };
  const giveOutput = (wanted: Output, value: string): Verdict => {
    if (json === null || !wanted.streams) {
      opens(-1, "text", { type: "text" });
      say(outlet.blocks - 1, value);
    }
    end("end_turn", null);
    // The process has a call in its history where the client has a text, and waits for its result.
    return { kind: "ended", left: json === null && strayCall ? "astray" : "spent" };
  };

  const onStream = (event: StreamFrame["event"]): Verdict => {
    switch (event.type) {
      case "message_start": {
        if (started) return cut();
        started = true;
        usage = mergeUsage(noUsage, event.message.usage);
        outlet.put({ type: "start", model: event.message.model, usage, path, reason: startedFor, ignored });
        return more;
      }
      case "content_block_start": {
        const { content_block: block, index } = event;
        if (block.type === "text") {
          if (output) {
            open = { theirs: index, ours: -1, type: "prose" };
            return more;
          }
          opens(index, "text", { type: "text" });
          return onText(outlet.blocks - 1, block.text);
        }
        if (block.type === "thinking") return opens(index, "thinking", { type: "thinking" });
        if (block.type === "redacted_thinking") {
          return opens(index, block.type, { type: "redacted_thinking", data: block.data });
        }
        if (block.type !== "tool_use") return more;
        if (output && block.name === output.tool.name) {
          strayCall = true;
          if (json !== null) return more;
          json = "";
          if (output.streams) return opens(index, "json", { type: "text" });
          open = { theirs: index, ours: -1, type: "json" };
          return more;
        }
        const name = nameOf(block.name);
        if (name === null) {
          strayCall = true;
          return more;
        }
        calls++;
        substance = true;
        opens(index, "tool_use", { type: "tool_use", id: block.id, name });
        outlet.flush();
        return more;
      }
      case "content_block_delta": {
        if (!open || event.index !== open.theirs) return more;
        const { delta } = event;
        if (delta.type === "text_delta") {
          if (open.type !== "prose") return onText(open.ours, delta.text);
          prose += delta.text;
        } else if (delta.type === "thinking_delta" && typeof delta.thinking === "string" && delta.thinking !== "") {
          outlet.send({ type: "delta", index: open.ours, delta: { type: "thinking", text: delta.thinking } });
        } else if (delta.type === "signature_delta" && typeof delta.signature === "string") {
          outlet.put({ type: "delta", index: open.ours, delta: { type: "signature", signature: delta.signature } });
        } else if (delta.type === "input_json_delta" && typeof delta.partial_json === "string") {
          if (open.type === "tool_use" && delta.partial_json !== "") {
            outlet.send({ type: "delta", index: open.ours, delta: { type: "input_json", json: delta.partial_json } });
          } else if (open.type === "json") {
            json += delta.partial_json;
            if (open.ours >= 0) say(open.ours, delta.partial_json);
          }
        }
        return more;
      }
      case "content_block_stop": {
        if (!open || event.index !== open.theirs) return more;
        if (open.type === "text") say(open.ours, stops.flush());
        // The API sends nothing for arguments without a field.
        if (open.type === "json" && json === "") {
          json = "{}";
          if (open.ours >= 0) say(open.ours, json);
        }
        if (open.ours >= 0) outlet.put({ type: "block_stop", index: open.ours });
        open = null;
        return more;
      }
      case "message_delta": {
        usage = mergeUsage(usage, event.usage);
        const reason = event.delta.stop_reason as string | null;
        // The CLI closes a message that was cut with a reason of null.
        if (reason === null) return more;
        if (!stopReasons.has(reason)) {
          return failed(unusableAnswer("The answer ended for a reason that is not known here."));
        }
        if (strayCall && json === null && outlet.blocks === 0) {
          return failed(unusableAnswer("The model called a tool that it was not offered."));
        }
        if (output && calls === 0) return endOutput(output, reason as StopReason);
        if (calls === 0 && mustCall && reason === "end_turn") {
          return failed(unusableAnswer("The model made no call, though the request demands one."));
        }
        // The CLI would ask again, at the user's cost: a call never came, or the model invented its tool.
        if (reason === "tool_use" && calls === 0) {
          substance = false;
          return end("end_turn", null);
        }
        return end(reason as StopReason, event.delta.stop_sequence);
      }
      default:
        return more;
    }
  };

  return {
    get started() {
      return started;
    },
    get begun() {
      return outlet.begun;
    },
    accept: readFrames(
      {
        onStream,
        onSystem(frame) {
          if (frame.subtype === "api_retry" && started) return cut();
          if (frame.subtype === "thinking_tokens") estimatedThinking += Number(frame.estimated_tokens_delta) || 0;
          return more;
        },
        onResult: () =>
          started ? cut() : failed(new OcpError("upstream_failed", "The claude CLI ended the turn without an answer.")),
      },
      now,
    ),
  };
}
