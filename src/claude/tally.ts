/** What a conversation has cost in its process, and how often its history was entered into another one. */

import type { SessionInfo } from "../core/ports.ts";
import { noUsage, type ProcessPath, type StartReason, type TurnEvent, type Usage } from "../core/turn.ts";
import { addUsage } from "./usage.ts";

export interface Tally {
  /** Takes the events of the conversation's turns, one turn after the other. */
  add(event: TurnEvent): void;
  figures(): Pick<SessionInfo, "usage" | "rebuilds">;
}

/** The paths of processes that did not hold the conversation before the turn. */
const elsewhere = new Set<ProcessPath>(["resumed", "spare", "new"]);

/** `before`: what its earlier turns have cost. */
export function createTally(before: Omit<Usage, "thinking"> = noUsage): Tally {
  let settled: Usage = { ...noUsage, ...before };
  /** As the running turn began; an answer that is cut has no other figures. */
  let running: Usage = noUsage;
  const rebuilds: Partial<Record<StartReason, number>> = {};

  return {
    add(event) {
      if (event.type === "start") {
        settled = addUsage(settled, running);
        running = event.usage;
        const { path, reason } = event;
        if (reason !== null && reason !== "new" && elsewhere.has(path)) rebuilds[reason] = (rebuilds[reason] ?? 0) + 1;
      } else if (event.type === "end") {
        settled = addUsage(settled, event.usage);
        running = noUsage;
      }
    },
    figures() {
      const { thinking: _, ...usage } = addUsage(settled, running);
      return { usage, rebuilds: { ...rebuilds } };
    },
  };
}
