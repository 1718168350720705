/** The request's parameters: what reaches the model, what has no effect here, and what is refused. */

import type { Effort, Sampling } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import type { ChatRequest } from "./schema.ts";

export interface Parameters {
  sampling: Sampling;
  /** Names of parameters that would have had an effect elsewhere. */
  ignored: Set<string>;
}

/** OpenAI's levels, and those that only the CLI has. */
const efforts: ReadonlyMap<string, Effort> = new Map([
  ["none", "none"],
  ["minimal", "low"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "xhigh"],
  ["max", "max"],
]);

const isSet = () => true;
const isTrue = (value: unknown) => value === true;
const isNotZero = (value: unknown) => value !== 0;
const isNot =
  (...usual: unknown[]) =>
  (value: unknown) =>
    !usual.includes(value);

/** Parameters that nothing here can honour, and the values by which they would have changed the answer elsewhere. */
const withoutEffect: ReadonlyArray<[name: string, matters: (value: unknown) => boolean]> = [
  ["seed", isSet],
  ["presence_penalty", isNotZero],
  ["frequency_penalty", isNotZero],
  ["repetition_penalty", isNot(1)],
  ["logit_bias", (value) => Object.keys(value as object).length > 0],
  ["logprobs", isTrue],
  ["top_logprobs", isNotZero],
  ["top_k", isSet],
  ["min_p", isNotZero],
  ["service_tier", isNot("auto", "default")],
  ["prediction", isSet],
  ["verbosity", isNot("medium")],
  ["web_search_options", isSet],
  ["thinking", isSet],
  ["store", isTrue],
];

/** Throws OcpError `invalid_request` for what would be answered wrongly if it were accepted. */
export function decodeParameters(request: Omit<ChatRequest, "messages">): Parameters {
  refuse(request);
  const given = new Map<string, unknown>(Object.entries(request));
  const ignored = new Set<string>();
  for (const [name, matters] of withoutEffect) {
    if (given.has(name) && matters(given.get(name))) ignored.add(name);
  }

  const { temperature, top_p: topP, stop } = request;
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const effort = decodeEffort(request);
  if (temperature !== undefined && temperature > 1) ignored.add("temperature");
  return {
    sampling: {
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(temperature === undefined ? {} : { temperature: Math.min(temperature, 1) }),
      ...(topP === undefined ? {} : { topP }),
      ...(effort === undefined ? {} : { effort }),
      stop: typeof stop === "string" ? [stop] : (stop ?? []),
    },
    ignored,
  };
}

function decodeEffort(request: Omit<ChatRequest, "messages">): Effort | undefined {
  const name = request.reasoning_effort ?? request.reasoning?.effort;
  if (name === undefined) return undefined;
  const effort = efforts.get(name);
  if (effort !== undefined) return effort;
  throw new OcpError("invalid_request", `The reasoning effort must be one of ${[...efforts.keys()].join(", ")}.`, {
    param: request.reasoning_effort === undefined ? "reasoning.effort" : "reasoning_effort",
  });
}

function refuse(request: Omit<ChatRequest, "messages">): void {
  if (request.n !== undefined && request.n > 1) throw unsupported("n", "Only one choice a request is supported.");
  if (request.modalities?.some((modality) => modality !== "text")) {
    throw unsupported("modalities", "Answers are text; other modalities are not supported.");
  }
  if (request.audio !== undefined) throw unsupported("audio", "Answers are text; audio is not supported.");
}

function unsupported(param: string, sentence: string): OcpError {
  return new OcpError("invalid_request", sentence, { param, reason: "unsupported_parameter" });
}
