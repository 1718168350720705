/** What a session is bound to for its life: the interactive CLI takes all of it once, at its start. */

import type { Tool } from "../../core/conversation.ts";
import type { HostTools } from "../../core/host-tools.ts";
import type { Attempt } from "../backend.ts";
import { budgetOf, dialsOf, effortOf } from "../dials.ts";
import { offered, systemOf } from "../offer.ts";
import { createToolSet } from "../tool-set.ts";
import { choicePrefixed, longestName } from "./names.ts";
import { unfit } from "./prompt.ts";
import type { TerminalSettings } from "./settings.ts";

export interface Binding {
  model: string;
  system: string;
  /** Null leaves it to the CLI. */
  effort: string | null;
  /** Tokens, 0 for none; null leaves it to the CLI. */
  thinking: number | null;
  /** Tokens; "" leaves it to the CLI. */
  maxTokens: string;
  /** JSON that is merged into the requests; "" is none. */
  body: string;
  /** All that it offers of the client's. */
  tools: readonly Tool[];
  /** Null: it has none of this host's tools. */
  hostTools: HostTools | null;
}

export interface BindingOptions {
  attempt: Pick<Attempt, "conversation" | "output" | "capabilities" | "forcing">;
  hostTools: HostTools | null;
  settings: TerminalSettings;
}

/** Throws OcpError invalid_request for what the interactive CLI cannot be given. */
export function bindingOf({ attempt, hostTools, settings }: BindingOptions): Binding {
  const { conversation, forcing } = attempt;
  const tools = offered(attempt);
  const long = tools.find(({ name }) => name.length > longestName);
  if (long) throw unfit(`takes no tool whose name has over ${longestName} characters`);
  const dials = dialsOf(conversation, forcing);
  const effort = effortOf(conversation) ?? (settings.effort === "inherit" ? null : settings.effort);
  return {
    model: conversation.model,
    system: systemOf(attempt),
    effort,
    thinking: budgetOf(conversation),
    maxTokens: dials.CLAUDE_CODE_MAX_OUTPUT_TOKENS ?? "",
    body: choicePrefixed(dials.CLAUDE_CODE_EXTRA_BODY ?? ""),
    tools,
    hostTools,
  };
}

/** Equal for two bindings that one session can serve. */
export function keyOf({ tools, ...rest }: Binding): string {
  return JSON.stringify([rest, createToolSet(tools).signature()]);
}
