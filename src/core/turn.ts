/** What the engine answers: one stream of events a turn, one upstream message, whatever dialect asked. */

import type { Sampling } from "./conversation.ts";

/** Tokens, as the model's API counts them. The four kinds are disjoint, but `thinking`, which is part of `output`. */
export interface Usage {
  /** Input neither read from nor written to the prompt cache. */
  input: number;
  cacheRead: number;
  cacheWrite: number;
  output: number;
  thinking: number;
}

export const noUsage: Usage = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, thinking: 0 };

/** Why an answer ended, in Anthropic's words. */
export type StopReason =
  | "end_turn"
  | "max_tokens"
  | "stop_sequence"
  | "tool_use"
  | "refusal"
  | "model_context_window_exceeded";

export type BlockStart =
  | { type: "text" }
  | { type: "thinking" }
  | { type: "redacted_thinking"; data: string }
  | { type: "tool_use"; id: string; name: string };

export type BlockDelta =
  | { type: "text"; text: string }
  | { type: "thinking"; text: string }
  | { type: "signature"; signature: string }
  /** A fragment of the tool call's JSON arguments. */
  | { type: "input_json"; json: string };

/** A process that waited for these tool results, one that held the conversation, a booted one, or none yet. */
export type ProcessPath = "parked" | "live" | "spare" | "new";

/**
 * `start` comes first and once, `end` last and once; between them blocks open, grow and close in order of `index`.
 * A turn that fails throws an OcpError from the iterator instead of `end`.
 */
export type TurnEvent =
  | {
      type: "start";
      /** The model that answers, as the API names it. */
      model: string;
      usage: Usage;
      /** Which kind of process answers. */
      path: ProcessPath;
      /** Parameters that this model's API refused and that were left out, by their names in `Sampling`. */
      ignored: Array<keyof Sampling>;
    }
  | { type: "block_start"; index: number; block: BlockStart }
  | { type: "delta"; index: number; delta: BlockDelta }
  | { type: "block_stop"; index: number }
  | { type: "end"; stop: StopReason; stopSequence: string | null; usage: Usage };
