/** What one answer of the simulated API is, as pure data: tests, the benchmark and markers in a prompt all write these. */

import type { StopReason, Usage } from "../core/turn.ts";

/** A string comes in word-sized chunks, a list in exactly those chunks: one delta each. */
export type Chunks = string | string[];

export type ScriptBlock =
  /** Short for a text block. */
  | string
  | { type: "text"; text: Chunks }
  | { type: "thinking"; thinking: Chunks; signature?: string }
  | { type: "redacted_thinking"; data: string }
  /** A list as `input` holds the fragments of the arguments' JSON, as they are. */
  | { type: "tool_use"; id?: string; name: string; input: Record<string, unknown> | string[] };

/** What goes wrong after `after` deltas went out (0: nothing but `message_start`), at the latest before the end. */
export type Fault =
  /** An `error` event, then the stream ends. Its type is that of the status. */
  | { kind: "error"; after: number; status?: ErrorStatus; message?: string }
  /** Nothing more is sent, the connection stays open. */
  | { kind: "stall"; after: number }
  /** The connection is reset. */
  | { kind: "cut"; after: number };

export interface LimitWindow {
  /** 0 to 1. */
  utilization: number;
  /** Epoch seconds. */
  resetsAt: number;
  status?: LimitStatus;
  /** The share from which on the API warns, once it is passed. */
  surpassed?: number;
}

export type LimitStatus = "allowed" | "allowed_warning" | "rejected";

/** The plan's limits, as the `anthropic-ratelimit-unified-*` headers tell them. */
export interface Limits {
  status: LimitStatus;
  /** The window that decides: `five_hour`, `seven_day`, or one of its own such as `seven_day_opus`. */
  claim?: string;
  /** When it resets, epoch seconds, where it is none of the windows below. */
  resetsAt?: number;
  fiveHour?: LimitWindow;
  sevenDay?: LimitWindow;
  overage?: { status: LimitStatus; disabledReason?: string; resetsAt?: number; inUse?: boolean };
}

interface Timing {
  /** Milliseconds before the response's headers. */
  delayMs?: number;
}

export interface AnswerScript extends Timing {
  /** None is an empty message. */
  blocks: ScriptBlock[];
  /** Milliseconds between two deltas. */
  paceMs?: number;
  /** Milliseconds between the end of the last block and `message_delta`, and between that and `message_stop`. */
  endDelayMs?: number;
  stopDelayMs?: number;
  /** Default: `tool_use` after a tool call, else `end_turn`. */
  stop?: StopReason;
  stopSequence?: string;
  /** What is absent is estimated from the sizes of request and answer. */
  usage?: Partial<Usage>;
  /** The model that claims to answer. Default: the one asked for. */
  model?: string;
  fault?: Fault;
  limits?: Limits;
}

export type ErrorStatus = 400 | 401 | 403 | 404 | 413 | 429 | 500 | 529;

/** An HTTP error in place of an answer. */
export interface ErrorScript extends Timing {
  status: ErrorStatus;
  message?: string;
  /** Seconds. A 429 has 3600 by itself. */
  retryAfter?: number;
  /** A 429 rejects the five-hour window by itself; null: a 429 that says nothing of the plan. */
  limits?: Limits | null;
}

export type Script = AnswerScript | ErrorScript;

/** Words with the white space that follows them. */
export function wordChunks(text: string): string[] {
  const spoken = text.trimStart();
  const [first, ...others] = spoken.match(/\S+\s*/g) ?? [];
  if (first === undefined) return text === "" ? [] : [text];
  return [text.slice(0, text.length - spoken.length) + first, ...others];
}
