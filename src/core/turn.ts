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

/**
 * `parked`: a process that waited for these tool results. `live`: one that held the conversation. `rewound`: one that
 * was taken back to an earlier message. `resumed`: one that was started from a session file. `spare`: a booted one.
 * `new`: one that was started for this turn.
 */
export const processPaths = ["parked", "live", "rewound", "resumed", "spare", "new"] as const;
export type ProcessPath = (typeof processPaths)[number];

/** Why a turn did not go on in a process that held its conversation; start-reasons.ts says it to people. */
export type StartReason =
  /** No answer in the history. */
  | "new"
  /** A history that this server has not answered: made elsewhere, or forgotten. */
  | "unseen"
  /** The client changed an earlier message, or asks again. */
  | "edited"
  /** The process that holds it answers somebody else at this moment. */
  | "forked"
  /** Ended for memory or OCP_LIVE_MAX. */
  | "evicted"
  /** CLAUDE_SESSION_TTL. */
  | "expired"
  /** Its process ended by itself, or its last answer was cut. */
  | "ended"
  /** Known from before the server's start. */
  | "restart"
  /** Ended by `ocp clear`. */
  | "cleared"
  /** The client or the owner changed what a process cannot change. */
  | "tools"
  /** The results of its calls hold what a waiting process cannot take. */
  | "results"
  | "system"
  | "model"
  | "login";

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
      /** Null: it went on in the process that held its conversation. */
      reason: StartReason | null;
      /** Parameters that this model's API refused and that were left out, by their names in `Sampling`. */
      ignored: Array<keyof Sampling>;
    }
  | { type: "block_start"; index: number; block: BlockStart }
  | { type: "delta"; index: number; delta: BlockDelta }
  | { type: "block_stop"; index: number }
  | { type: "end"; stop: StopReason; stopSequence: string | null; usage: Usage };
