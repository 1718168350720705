/** Pairs the tool calls of a request with their results, and gives them ids that the model's API takes. */

import type { Message, ToolUseBlock } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";

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
   * Checks that each call has its result in the message right after, which the model's API demands.
   * Throws OcpError `invalid_request`.
   */
  verify(messages: readonly Message[]): void;
}

export function createCallLedger(): CallLedger {
  /** By the client's id, or the function's name: the latest call of that id. */
  const latest = new Map<string, string>();
  /** By our id: where the call stands in the request. */
  const places = new Map<string, string>();
  const answered = new Set<string>();
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
    } while (places.has(candidate));
    return candidate;
  };

  return {
    open(id, called, param) {
      const input = parseArguments(called.arguments, `${param}.arguments`);
      const ours = ownId(id ?? "");
      places.set(ours, param);
      latest.set(id ?? called.name, ours);
      return { type: "tool_use", id: ours, name: called.name, input };
    },
    answer(key, param) {
      const ours = latest.get(key);
      if (ours === undefined) throw fault("This result answers no tool call that stands before it.", param);
      if (answered.has(ours)) throw fault("This tool call has been answered already.", param);
      answered.add(ours);
      return ours;
    },
    verify(messages) {
      let open = new Set<string>();
      for (const message of messages) {
        for (const block of message.content) if (block.type === "tool_result") open.delete(block.tool_use_id);
        const [unanswered] = open;
        if (unanswered !== undefined) {
          throw fault("Each tool call must be followed directly by its result.", places.get(unanswered) ?? "messages");
        }
        open = new Set(message.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : [])));
      }
    },
  };
}

function parseArguments(text: string, param: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !isDeeperThan(200, value)) {
    return value as Record<string, unknown>;
  }
  throw fault("The arguments of a tool call must be a JSON object.", param);
}

/** JSON.parse takes any depth, but JSON.stringify, which every conversation passes later, overflows the stack. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(levels - 1, child));
}

function fault(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
