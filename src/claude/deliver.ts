/** Answers the calls that a process waits for, in an order that can be repeated. */

import type { ToolResultBlock } from "../core/conversation.ts";
import type { Bridge } from "./bridge.ts";
import { normalisedId } from "./names.ts";
import type { CliFrame } from "./protocol.ts";

/** How long, in ms, the CLI may take to process a result before the next one goes in all the same. */
const patience = 250;

export interface Delivery {
  /** Takes the frames of the process. */
  frame(frame: CliFrame): void;
  /** Ends it; what has not gone in stays out. */
  stop(): void;
}

/**
 * The CLI sends results upstream in the order in which it is done with them: answered all at once, an error overtakes
 * a picture (2.1.197, 2.1.330). A rebuilt conversation has them in the client's order, so each goes in when the CLI
 * has shown the one before.
 */
export function deliver(bridge: Pick<Bridge, "resolve">, results: readonly ToolResultBlock[]): Delivery {
  const left = [...results];
  let shown = "";
  let timer: Timer | undefined;
  const next = () => {
    clearTimeout(timer);
    const result = left.shift();
    if (result === undefined) return;
    shown = normalisedId(result.tool_use_id);
    timer = setTimeout(next, patience);
    bridge.resolve([result]);
  };
  next();
  return {
    frame(frame) {
      if (frame.type === "user" && resultIds(frame.message.content).includes(shown)) next();
    },
    stop() {
      clearTimeout(timer);
      left.length = 0;
    },
  };
}

function resultIds(content: unknown): string[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((block) => (block?.type === "tool_result" ? [normalisedId(String(block.tool_use_id))] : []));
}
