/** Turns a request's parameters into the settings of a process, and into the control requests that set them. */

import type { Conversation, Effort } from "../core/conversation.ts";
import { cliName, outputTool } from "./names.ts";
import type { FlagSettings, HostRequest } from "./protocol.ts";
import type { StartValues } from "./start-environment.ts";

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

/** Whether a turn runs with thinking turned off: also where a call is forced, since the API takes not both. */
export function thinksNot({ sampling, toolbox, output }: Conversation): boolean {
  const { effort, thinkingBudget, maxTokens } = sampling;
  if (effort === "none" || output !== null || toolbox?.choice.type === "any" || toolbox?.choice.type === "tool")
    return true;
  return (
    effort === undefined && thinkingBudget === undefined && maxTokens !== undefined && maxTokens < smallestWithThinking
  );
}

/** Returns the parameters of thinking that a forced call or format overrides, so that the answer can name them. */
export function lostThinking(conversation: Conversation): Array<keyof Conversation["sampling"]> {
  const { effort, thinkingBudget } = conversation.sampling;
  if (effort === "none" || !thinksNot(conversation)) return [];
  return [
    ...(effort === undefined ? [] : ["effort" as const]),
    ...(thinkingBudget === undefined ? [] : ["thinkingBudget" as const]),
  ];
}

/** The settings that can be changed at any time in a process's life; null: as the process was started. */
export interface Dials {
  CLAUDE_CODE_MAX_OUTPUT_TOKENS: string | null;
  CLAUDE_CODE_EXTRA_BODY: string | null;
  /** Where the API is; an address at which nobody listens while nothing may be asked of it (`seal`). */
  ANTHROPIC_BASE_URL: string | null;
}

export const untouched: Dials = {
  CLAUDE_CODE_MAX_OUTPUT_TOKENS: null,
  CLAUDE_CODE_EXTRA_BODY: null,
  ANTHROPIC_BASE_URL: null,
};

export const dialNames = Object.keys(untouched) as Array<keyof Dials>;

/** The values that a process was started with (start-environment.ts). */
export type StartDials = StartValues<keyof Dials>;

/**
 * `forcing`: whether the API may be told that a call must be made. `effort`: for the results that a process waits for,
 * another one than it has; the CLI's own way to change it takes effect with the next message (2.1.332, Claude 5.x).
 */
export function dialsOf(conversation: Conversation, forcing: boolean, effort?: EffortLevel): Dials {
  const { maxTokens, temperature, topP, topK, stop } = conversation.sampling;
  const body: Record<string, unknown> = {};
  if (temperature !== undefined) body.temperature = temperature;
  if (topP !== undefined) body.top_p = topP;
  if (topK !== undefined) body.top_k = topK;
  // The API refuses stop texts of white space only; those are matched here alone.
  const stops = stop.filter((text) => text.trim() !== "");
  if (stops.length > 0) body.stop_sequences = stops;
  const choice = toolChoice(conversation);
  if (choice && (forcing || choice.type === "auto" || choice.type === "none")) body.tool_choice = choice;
  // The variable alone fits a thinking budget, and the body alone reaches a process that waits for tool results.
  if (maxTokens !== undefined) body.max_tokens = maxTokens;
  if (effort !== undefined) body.output_config = { effort };
  return {
    CLAUDE_CODE_MAX_OUTPUT_TOKENS: maxTokens === undefined ? null : String(maxTokens),
    CLAUDE_CODE_EXTRA_BODY: Object.keys(body).length === 0 ? null : JSON.stringify(body),
    ANTHROPIC_BASE_URL: null,
  };
}

/** Null leaves the choice, and how many calls there are, to the model. */
function toolChoice({ toolbox, output }: Conversation): { type: string; [field: string]: unknown } | null {
  const single = toolbox !== null && !toolbox.parallel ? { disable_parallel_tool_use: true } : {};
  const choice = toolbox?.choice ?? { type: "none" };
  if (output !== null && choice.type === "none") {
    return { type: "tool", name: outputTool, disable_parallel_tool_use: true };
  }
  if (output !== null) return { type: "any", ...single };
  if (toolbox === null) return null;
  if (choice.type === "tool") return { type: "tool", name: cliName(choice.name), ...single };
  return choice.type === "auto" && toolbox.parallel
    ? null
    : { type: choice.type, ...(choice.type === "none" ? {} : single) };
}

/**
 * The requests that bring a process from one setting to the other; they need not be waited for. What else is to be set
 * goes with them in `also`: each such request costs the CLI about 8 ms before it looks at the next frame.
 * `start` is needed where something goes back to what it was. "" stands for a variable that was not set: the CLI keeps
 * what a variable was set to last when it is left out, and takes null for a text (2.1.197, 2.1.330).
 */
export function adjust(
  from: Dials,
  to: Dials,
  start: StartDials | null,
  also: Omit<FlagSettings, "env"> = {},
): HostRequest[] {
  const changed = dialNames.filter((name) => from[name] !== to[name]);
  if (start === null && changed.some((name) => to[name] === null))
    throw new Error("the start of a process is not known");
  const env = Object.fromEntries(changed.map((name) => [name, to[name] ?? start?.[name] ?? ""]));
  const settings: FlagSettings = Object.keys(env).length === 0 ? also : { ...also, env };
  return Object.keys(settings).length === 0 ? [] : [{ subtype: "apply_flag_settings", settings }];
}

export type EffortLevel = Exclude<Effort, "none">;

/** How hard the model is to think; undefined leaves it to the CLI. */
export function effortOf({ sampling }: Conversation): EffortLevel | undefined {
  // Where thinking cannot be turned off, it is at least to be short.
  return sampling.effort === "none" ? "low" : sampling.effort;
}

/** How many tokens the model may think, 0 for none; null leaves it to the CLI. */
export function budgetOf(conversation: Conversation): number | null {
  if (thinksNot(conversation)) return 0;
  const { effort, thinkingBudget, maxTokens } = conversation.sampling;
  const wanted = thinkingBudget ?? (effort === undefined || effort === "none" ? 0 : budgets[effort]);
  const budget = Math.min(wanted, (maxTokens ?? Number.POSITIVE_INFINITY) - 1);
  return budget >= 1_024 ? budget : null;
}

/** Nothing can listen on port 0, and https keeps the login from a proxy that stands between. */
export const nowhere = "https://127.0.0.1:0";

/**
 * Takes the API's address from the process, for all requests after the one that runs (2.1.197, 2.1.330). Sent as soon
 * as an answer has begun, it makes sure that the CLI asks for no second message, however fast the end of the first
 * one comes: after `max_tokens`, a refusal or an empty answer it would, at the user's cost. A process that lives on
 * gets the address back that it was started with, once it can only wait (settle.ts): the login must go to no other.
 */
export const seal: HostRequest = {
  subtype: "apply_flag_settings",
  settings: { env: { ANTHROPIC_BASE_URL: nowhere } },
};

export function sealed(dials: Dials): Dials {
  return { ...dials, ANTHROPIC_BASE_URL: nowhere };
}

export function unsealed(dials: Dials): Dials {
  return { ...dials, ANTHROPIC_BASE_URL: null };
}

/**
 * Ends the turn and its upstream request at once, as a kill does, but lets the CLI store the login that it may be
 * refreshing before that request: the refresh goes on, and the process ends after it (2.1.197, 2.1.330).
 */
export const interrupt: HostRequest = { subtype: "interrupt" };
