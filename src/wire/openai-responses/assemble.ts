/** The life of a response: a turn's events as events of the stream; whole answers are what it has come to. */

import type { OcpError } from "../../core/errors.ts";
import type { StopReason, TurnEvent } from "../../core/turn.ts";
import { type GrowingItem, growItem, type ServerEvent } from "./blocks.ts";
import { renderErrorEvent, renderFailure } from "./errors.ts";
import {
  type ItemStatus,
  type Outcome,
  type OutputItem,
  type ResponseObject,
  type ResponsesMeta,
  renderResponse,
  toResponsesUsage,
} from "./response.ts";
import type { InputItem } from "./schema.ts";

export interface AssemblerOptions extends ResponsesMeta {
  newId(prefix: string): string;
  /** Whether reasoning items are to carry what lets the client send them back. */
  sealed: boolean;
}

export interface Answer {
  /** As the client gets it. */
  response: ResponseObject;
  /** Its output as the next request may need it: thinking sealed, without a call that was cut off. */
  items: InputItem[];
}

export interface Assembler {
  push(event: TurnEvent): ServerEvent[];
  /** The end of a stream whose turn failed. */
  fail(error: OcpError): ServerEvent[];
  /** Null until the turn has ended. */
  answer(): Answer | null;
}

const reasons: Record<StopReason, "max_output_tokens" | "content_filter" | null> = {
  end_turn: null,
  stop_sequence: null,
  tool_use: null,
  max_tokens: "max_output_tokens",
  model_context_window_exceeded: "max_output_tokens",
  refusal: "content_filter",
};

export function createAssembler(options: AssemblerOptions): Assembler {
  const { newId, sealed } = options;
  const items: OutputItem[] = [];
  let open: GrowingItem | null = null;
  let begun = false;
  let response: ResponseObject | null = null;

  const view = (item: OutputItem): OutputItem => {
    if (sealed || item.type !== "reasoning") return item;
    const { encrypted_content: _, ...rest } = item;
    return rest;
  };
  const render = (outcome: Omit<Outcome, "output">) => renderResponse(options, { ...outcome, output: items.map(view) });

  const begin = (): ServerEvent[] => {
    if (begun) return [];
    begun = true;
    const beginning = render({ status: "in_progress" });
    return [
      { type: "response.created", response: beginning },
      { type: "response.in_progress", response: beginning },
    ];
  };

  /** An item is closed only when it is known whether the answer goes on: one that was cut off is incomplete. */
  const close = (status: ItemStatus): ServerEvent[] => {
    if (open === null) return [];
    const { events, item } = open.close(status);
    open = null;
    if (item !== null) items.push(item);
    return events;
  };

  return {
    push(event) {
      switch (event.type) {
        case "start":
          return begin();
        case "block_start": {
          const closing = close("completed");
          open = growItem(event.block, { index: items.length, newId, view });
          return [...closing, ...open.opening];
        }
        case "delta":
          return open?.take(event.delta) ?? [];
        case "block_stop":
          return [];
        case "end": {
          const reason = reasons[event.stop];
          const status = reason === null ? "completed" : "incomplete";
          const closing = close(status);
          const details = reason === null ? {} : { incomplete_details: { reason } };
          response = render({ status, ...details, usage: toResponsesUsage(event.usage) });
          return [...closing, { type: `response.${status}`, response }];
        }
      }
    },
    fail(error) {
      const failed = render({ status: "failed", error: renderFailure(error) });
      return [...begin(), { type: "response.failed", response: failed }, renderErrorEvent(error)];
    },
    answer: () => response && { response, items: items.flatMap(asInput) },
  };
}

function asInput(item: OutputItem): InputItem[] {
  if (item.type === "function_call" && item.status !== "completed") return [];
  if (item.type !== "reasoning") return [item];
  const { encrypted_content: sealed, ...rest } = item;
  return typeof sealed === "string" ? [{ ...rest, encrypted_content: sealed }] : [rest];
}
