/**
 * Parameters that a model's API refuses. One that it names in a 400 is left out, the turn is tried once more, and the
 * model's next turns start without it: which model takes which is nothing that the CLI or a document tells.
 */

import type { Conversation, Sampling } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { thinksNot } from "./dials.ts";

export interface Refusals {
  /** The conversation without what its model is known to refuse, and the names of what was left out. */
  apply(conversation: Conversation): { conversation: Conversation; ignored: Array<keyof Sampling> };
  /** Learns from a failed turn; true when `apply` would now leave out more than it did. */
  learn(conversation: Conversation, error: unknown): boolean;
}

/** How the API's messages name the parameters. What depends on its value is not held against the next turn. */
const names: Array<{ parameter: keyof Sampling; pattern: RegExp }> = [
  { parameter: "temperature", pattern: /\btemperature\b/ },
  { parameter: "topP", pattern: /\btop_p\b/ },
  { parameter: "stop", pattern: /\bstop_sequences\b/ },
  { parameter: "effort", pattern: /\b(effort|output_config)\b/ },
];

export function createRefusals(): Refusals {
  const refused = new Set<string>();
  // Several of them are refused only together with thinking.
  const keyOf = ({ model, sampling }: Conversation, parameter: keyof Sampling) =>
    `${model} ${thinksNot(sampling) ? "plain" : "thinking"} ${parameter}`;

  const isSet = (sampling: Sampling, parameter: keyof Sampling) =>
    parameter === "stop" ? sampling.stop.length > 0 : sampling[parameter] !== undefined;

  return {
    apply(conversation) {
      const sampling: Sampling = { ...conversation.sampling };
      const ignored: Array<keyof Sampling> = [];
      for (const { parameter } of names) {
        if (!isSet(sampling, parameter) || !refused.has(keyOf(conversation, parameter))) continue;
        if (parameter === "stop") continue;
        delete sampling[parameter];
        ignored.push(parameter);
      }
      return { conversation: { ...conversation, sampling }, ignored };
    },
    learn(conversation, error) {
      if (!(error instanceof OcpError) || error.code !== "invalid_request") return false;
      for (const { parameter, pattern } of names) {
        if (!isSet(conversation.sampling, parameter) || !pattern.test(error.message)) continue;
        const key = keyOf(conversation, parameter);
        if (refused.has(key)) continue;
        refused.add(key);
        return true;
      }
      return false;
    },
  };
}
