/** What people are told of each reason for which a turn did not go on in a process that held its conversation. */

import type { StartReason } from "./turn.ts";

export const startReasons: Readonly<Record<StartReason, string>> = {
  new: "The conversation begins.",
  unseen: "This server did not answer the history, or has forgotten it.",
  edited: "The client changed an earlier message, or asked again.",
  forked: "The process was answering another request at that moment.",
  evicted: "The process was ended for OCP_MEMORY_MAX or OCP_LIVE_MAX.",
  expired: "The process had waited for longer than CLAUDE_SESSION_TTL.",
  ended: "The process ended by itself, or its last answer was cut off.",
  restart: "The server was restarted.",
  cleared: "The process was ended by ocp clear.",
  tools: "The client changed its tools, and the process could not.",
  results: "The results of its calls hold what a waiting process cannot take.",
  system: "The client changed the system prompt.",
  model: "The client changed the model.",
  login: "The server's login was replaced.",
};

/** `3 (evicted 2, edited)`; null: none was counted. */
export function countedReasons(counts: Readonly<Record<string, number>>): string | null {
  const kinds = Object.entries(counts);
  if (kinds.length === 0) return null;
  const words = kinds.map(([reason, count]) => (count === 1 ? reason : `${reason} ${count}`));
  return `${kinds.reduce((sum, [, count]) => sum + count, 0)} (${words.join(", ")})`;
}
