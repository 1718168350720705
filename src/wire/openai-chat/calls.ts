/** Pairs the tool calls of a request with their results, and gives them ids that the model's API takes. */

import type { Message, ToolUseBlock } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { parseBounded } from "../../core/json-bounds.ts";
import { isDeeperThan } from "../check.ts";
import { completeResults } from "../results.ts";

export interface CalledFunction {
  name: string;
  /** A JSON object, as text; "" is one without parameters. */
  arguments: string;
}

export interface CallLedger {
  /**
   * A call of the assistant. `id` is the client's; the older function calls have none and go by their name.
   * Throws OcpError `invalid_request` for arguments that are no JSON object.
   */
  open(id: string | undefined, called: CalledFunction, param: string): ToolUseBlock;
  /** The id under which the call went that a result answers. Throws OcpError `invalid_request` if there is none. */
  answer(key: string, param: string): string;
  /**
   * The messages with a result for each call, in the message right after it.
   * Throws OcpError `invalid_request` for a result that stands elsewhere.
   */
  complete(messages: readonly Message[]): Message[];
}

export function createCallLedger(): CallLedger {
  /** By the client's id, or the function's name: the latest call of that id. */
  const latest = new Map<string, string>();
  /** The ids that we have given. */
  const taken = new Set<string>();
  /** By our id: where the request answers the call. */
  const answered = new Map<string, string>();
  /** How often an id has come. */
  const seen = new Map<string, number>();

  /** The API takes `[a-zA-Z0-9_-]+`, each id once in a conversation; some clients count anew in each turn. */
  const ownId = (id: string): string => {
    const base = id.replace(/[^A-Za-z0-9_-]/g, "") || "call";
    let candidate: string;
    do {
      const times = (seen.get(base) ?? 0) + 1;
      seen.set(base, times);
      candidate = times === 1 ? base : `${base}-${times}`;
    } while (taken.has(candidate));
    return candidate;
  };

  return {
    open(id, called, param) {
      const input = parseArguments(called.arguments, `${param}.arguments`);
      const ours = ownId(id ?? "");
      taken.add(ours);
      latest.set(id ?? called.name, ours);
      return { type: "tool_use", id: ours, name: called.name, input };
    },
    answer(key, param) {
      const ours = latest.get(key);
      if (ours === undefined) throw fault("This result answers no tool call that stands before it.", param);
      if (answered.has(ours)) throw fault("This tool call has been answered already.", param);
      answered.set(ours, param);
      return ours;
    },
    complete: (messages) => completeResults(messages, (id) => answered.get(id) ?? "messages"),
  };
}

function parseArguments(text: string, param: string): Record<string, unknown> {
  const value = text.trim() === "" ? {} : parseBounded(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !isDeeperThan(200, value)) {
    return value as Record<string, unknown>;
  }
  throw fault("The arguments of a tool call must be a JSON object.", param);
}

function fault(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
