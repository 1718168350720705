/** What an installed CLI can do, by its version. */

import type { Rewinding } from "./conversations.ts";

export interface Capabilities {
  /** As the CLI tells it; the oldest that is supported where it cannot be read. */
  version: string;
  /** `client_composed` on a user frame keeps `@file` and `/command` plain text (2.1.330; 2.1.197 ignores it). */
  clientComposed: boolean;
  /** `apply_flag_settings {model}` binds a process's model before its first message, without a trace in it. */
  lateModel: boolean;
  /** `mcp_set_servers` takes the tools of a live process away and brings others; 2.1.197 keeps the old ones too. */
  changesTools: boolean;
  /**
   * It tells the model of its environment and the date once, at the start of a conversation that it holds; entered over
   * stdin a history has that at its end (2.1.330), and everything before it is new for the prompt cache.
   */
  remindsOnce: boolean;
  /** How far `rewind_conversation` takes a process back. */
  rewinds: Rewinding;
  /** A tool's description may be longer than 2,048 characters. */
  longDescriptions: boolean;
}

/** `version` as `claude --version` prints it first: `2.1.330`. One that cannot be read has no capability. */
export function capabilitiesOf(version: string | null): Capabilities {
  const newest = atLeast(version, [2, 1, 330]);
  return {
    version: version ?? "2.1.197",
    clientComposed: newest,
    lateModel: newest,
    changesTools: newest,
    remindsOnce: newest,
    rewinds: newest ? "any" : "last",
    longDescriptions: newest,
  };
}

function atLeast(version: string | null, wanted: readonly number[]): boolean {
  const found = version?.split(".").map(Number) ?? [];
  for (const [i, want] of wanted.entries()) {
    const have = found[i];
    if (have === undefined || Number.isNaN(have)) return false;
    if (have !== want) return have > want;
  }
  return true;
}
