/** Turns a request's sampling parameters into the control requests that make the CLI send them. */

import type { Effort, Sampling } from "../core/conversation.ts";
import type { FlagSettings, HostRequest } from "./protocol.ts";

/**
 * Below this, an answer's thinking could eat all of `max_tokens`, and models that think by a budget refuse one that
 * does not fit (at least 1,024 tokens, less than `max_tokens`). Thinking is then off, where the model allows it.
 */
const smallestWithThinking = 2_048;

/** For models that think by a budget instead of by an effort (haiku 4.5); the others ignore it. Tokens. */
const budgets: Record<Exclude<Effort, "none">, number> = {
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 31_999,
  max: 31_999,
};

/** Whether a turn with these parameters runs with thinking turned off. */
export function thinksNot({ effort, maxTokens }: Sampling): boolean {
  return effort === "none" || (effort === undefined && maxTokens !== undefined && maxTokens < smallestWithThinking);
}

/** The requests to send before the message that is to be answered, in this order; they need not be waited for. */
export function dial(sampling: Sampling): HostRequest[] {
  const requests: HostRequest[] = [];
  const settings: FlagSettings = {};
  const env: Record<string, string> = {};
  const body: Record<string, unknown> = {};

  // Not by the extra body: the CLI fits the thinking budget to this one.
  if (sampling.maxTokens !== undefined) env.CLAUDE_CODE_MAX_OUTPUT_TOKENS = String(sampling.maxTokens);
  if (sampling.temperature !== undefined) body.temperature = sampling.temperature;
  if (sampling.topP !== undefined) body.top_p = sampling.topP;
  // The API refuses stop texts of white space only; those are matched here alone.
  const stops = sampling.stop.filter((stop) => stop.trim() !== "");
  if (stops.length > 0) body.stop_sequences = stops;
  if (Object.keys(body).length > 0) env.CLAUDE_CODE_EXTRA_BODY = JSON.stringify(body);

  // Where thinking cannot be turned off, it is at least to be short.
  const effort = thinksNot(sampling) ? "low" : sampling.effort;
  if (effort !== undefined && effort !== "none") settings.effortLevel = effort;
  if (Object.keys(env).length > 0) settings.env = env;
  if (Object.keys(settings).length > 0) requests.push({ subtype: "apply_flag_settings", settings });

  if (thinksNot(sampling)) requests.push({ subtype: "set_max_thinking_tokens", max_thinking_tokens: 0 });
  else if (effort !== undefined && effort !== "none") {
    const budget = Math.min(budgets[effort], (sampling.maxTokens ?? Number.POSITIVE_INFINITY) - 1);
    if (budget >= 1_024) requests.push({ subtype: "set_max_thinking_tokens", max_thinking_tokens: budget });
  }
  return requests;
}

/**
 * Takes the API's address from the process, for all requests after the one that runs (2.1.197, 2.1.330). Sent as soon
 * as an answer has begun, it makes sure that the CLI asks for no second message, however fast the end of the first
 * one comes: after `max_tokens`, a refusal or an empty answer it would, at the user's cost. Nothing can listen on
 * port 0, and https keeps the login from a proxy that stands between.
 */
export const seal: HostRequest = {
  subtype: "apply_flag_settings",
  settings: { env: { ANTHROPIC_BASE_URL: "https://127.0.0.1:0" } },
};

/**
 * Ends the turn and its upstream request at once, as a kill does, but lets the CLI store the login that it may be
 * refreshing before that request: the refresh goes on, and the process ends after it (2.1.197, 2.1.330).
 */
export const interrupt: HostRequest = { subtype: "interrupt" };
