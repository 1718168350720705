/** How a process gets the tools of this host: off unless asked for, never beside a client's tools. */

import type { Conversation } from "../core/conversation.ts";
import { type HostTools, mayUseHostTools } from "../core/host-tools.ts";
import type { Principal } from "../core/principal.ts";

/**
 * Those that this turn runs with; null: none. A request that brings tools has none: of two tools of one name the CLI
 * would run the host's (2.1.197, 2.1.330). One that wants JSON has none either, since its answer is a call.
 */
export function hostToolsFor(
  tools: HostTools | null,
  principal: Principal,
  { toolbox, output }: Conversation,
): HostTools | null {
  return tools !== null && mayUseHostTools(tools, principal) && toolbox === null && output === null ? tools : null;
}

/** The part of the command line that stands in place of `--tools ""`. */
export function hostToolFlags({ allowed, mcpConfig, skipPermissions }: HostTools): string[] {
  const builtIn = allowed.map((name) => name.split("(", 1)[0] ?? "").filter((name) => !name.startsWith("mcp__"));
  return [
    "--tools",
    [...new Set(builtIn)].join(","),
    ...(allowed.length > 0 ? ["--allowedTools", ...allowed] : []),
    // Nobody is there to be asked: what is not allowed is denied, and the model told so.
    ...(skipPermissions ? ["--dangerously-skip-permissions"] : ["--permission-mode", "dontAsk"]),
    ...(mcpConfig === undefined ? [] : ["--mcp-config", mcpConfig]),
  ];
}
