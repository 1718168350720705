/** The tools of this host that the operator lets the model use: off unless asked for, never beside a client's tools. */

import type { Conversation } from "../core/conversation.ts";

export interface HostTools {
  /** CLAUDE_ALLOWED_TOOLS: names, also with a pattern, as `Bash(git *)`. */
  allowed: readonly string[];
  /** CLAUDE_MCP_CONFIG: the path of a file. */
  mcpConfig: string | undefined;
  /** CLAUDE_SKIP_PERMISSIONS. */
  skipPermissions: boolean;
}

/**
 * Whether this turn runs with them. A request that brings tools does not: of two tools of one name the CLI would run
 * the host's (2.1.197, 2.1.330). One that wants JSON does not either, since its answer is a call.
 */
export function usesHostTools(tools: HostTools | null, { toolbox, output }: Conversation): tools is HostTools {
  return tools !== null && toolbox === null && output === null;
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
