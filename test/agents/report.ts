/** What a session was like: its cost, its processes, and what the agent waited for. */

import { type CacheUse, costOf, totalOf } from "../harness/prompt-cache.ts";
import type { TappedRequest } from "../harness/tap.ts";
import { answeredRequests, countConversations, ownWrites } from "./conversations.ts";
import type { Model } from "./model.ts";

export interface Report {
  /** Units of an input token's list price. */
  cost: number;
  tokens: CacheUse;
  /** Requests of the agent that were answered, and those for a message that went upstream. */
  answers: number;
  upstream: number;
  /** Of the agent; one that goes on after an interruption counts again. */
  conversations: number;
  /** Of the CLI below our server that sent anything. */
  processes: number;
  /** Requests with thinking that the API refuses, a line each. */
  refused: string[];
  /** Requests with tools that wrote more to the cache than the agent's own prompt has to, a line each. */
  avoidableWrites: string[];
  /** How often all processes were gone before a request. */
  interruptions: number;
  /** Ms, of the requests with tools. */
  firstTokens: number[];
  /** The last of what our server complained of. */
  said: string;
}

/**
 * Tokens that may be written beside those of the agent's own prompt, and a tenth of them for another dialect's form: the
 * answer before, of which the agent may send back less than the CLI does, and the CLI's reminders.
 */
const besideOwn = 400;

/** `log`: of our server. */
export function reportOf(model: Model, requests: readonly TappedRequest[], interruptions: number, log: string): Report {
  const uses = model.answered.map(({ use }) => use);
  const answers = answeredRequests(requests);
  const processes = new Set(model.answered.map(({ process }) => process).filter((one) => one !== null));
  return {
    cost: Math.round(costOf(uses)),
    tokens: totalOf(uses),
    answers: answers.length,
    upstream: model.requests(),
    conversations: countConversations(requests),
    processes: processes.size,
    refused: model.refused(),
    avoidableWrites: avoidableWrites(
      answers.filter(hasTools),
      model.answered.filter(hasTools).map(({ use }) => use),
    ),
    interruptions,
    firstTokens: answers.filter(hasTools).flatMap(({ firstToken }) => firstToken ?? []),
    said: complaintsIn(log).slice(-2000),
  };
}

export function hasTools({ body }: { body: Readonly<Record<string, unknown>> | null }): boolean {
  return Array.isArray(body?.tools) && body.tools.length > 0;
}

/** `requests` of the agent and the `uses` of what became of them upstream, in one order. */
function avoidableWrites(requests: readonly TappedRequest[], uses: readonly CacheUse[]): string[] {
  if (requests.length !== uses.length) return [`${requests.length} requests became ${uses.length} upstream`];
  const own = ownWrites(requests);
  return uses.flatMap(({ write }, at) =>
    write <= 1.1 * own[at]! + besideOwn
      ? []
      : `request ${at + 1} wrote ${write} tokens, the agent's own prompt has ${own[at]} to write`,
  );
}

/** What the server logged, without what went well. */
function complaintsIn(log: string): string {
  const lines = log.split("\n").filter((line) => / (warn|error) /.test(line));
  return lines.join("\n");
}
