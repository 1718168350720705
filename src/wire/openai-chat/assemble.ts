/** What a turn's events mean for a chat completion; streamed and whole answers are both built from these pieces. */

import type { StopReason, TurnEvent, Usage } from "../../core/turn.ts";

export interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export type FinishReason = "stop" | "length" | "tool_calls" | "function_call" | "content_filter";

export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number };
  completion_tokens_details: { reasoning_tokens: number };
}

export type Piece =
  | { kind: "role" }
  | { kind: "content"; text: string }
  | { kind: "reasoning"; text: string }
  /** A call begins, its arguments still empty; `index` counts the calls of the answer. */
  | { kind: "call"; index: number; call: ToolCall }
  | { kind: "arguments"; index: number; json: string }
  | { kind: "finish"; reason: FinishReason; usage: ChatUsage };

const finishReasons: Record<StopReason, FinishReason> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "content_filter",
  tool_use: "tool_calls",
};

/**
 * Takes the events of one turn in order; null is an event that this dialect has no words for. A message has one
 * content here, so the texts of several blocks follow one another as they are.
 * `legacyCalls`: an answer has place for one call, its `function_call`; should the model make more, they are left out.
 */
export function createAssembler(legacyCalls: boolean): (event: TurnEvent) => Piece | null {
  let calls = 0;
  let open: { block: number; index: number; empty: boolean } | null = null;
  const reasonOf = (stop: StopReason) => (stop === "tool_use" && legacyCalls ? "function_call" : finishReasons[stop]);

  return (event) => {
    switch (event.type) {
      case "delta": {
        const { delta } = event;
        if (delta.type === "text") return delta.text === "" ? null : { kind: "content", text: delta.text };
        if (delta.type === "thinking") return delta.text === "" ? null : { kind: "reasoning", text: delta.text };
        if (delta.type !== "input_json" || delta.json === "" || open === null) return null;
        open.empty = false;
        return { kind: "arguments", index: open.index, json: delta.json };
      }
      case "block_start": {
        if (event.block.type !== "tool_use" || (legacyCalls && calls > 0)) return null;
        const index = calls++;
        open = { block: event.index, index, empty: true };
        const { id, name } = event.block;
        return {
          kind: "call",
          index,
          call: { id: toolCallId(id), type: "function", function: { name, arguments: "" } },
        };
      }
      case "block_stop": {
        if (open?.block !== event.index) return null;
        const { index, empty } = open;
        open = null;
        // A call without parameters brings no JSON at all, but clients parse the arguments as JSON.
        return empty ? { kind: "arguments", index, json: "{}" } : null;
      }
      case "start":
        return { kind: "role" };
      case "end":
        return { kind: "finish", reason: reasonOf(event.stop), usage: toChatUsage(event.usage) };
    }
  };
}

/** Letters and digits only: some clients send ids back without anything else (OpenClaw 2026.9.6 does). */
function toolCallId(id: string): string {
  return id.replace(/[^A-Za-z0-9]/g, "");
}

function toChatUsage(usage: Usage): ChatUsage {
  const prompt = usage.input + usage.cacheRead + usage.cacheWrite;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead },
    completion_tokens_details: { reasoning_tokens: usage.thinking },
  };
}
