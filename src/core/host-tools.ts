/** The tools of this host that the operator lets the model use, and the callers for whom it may. */

import type { Principal } from "./principal.ts";

export interface HostTools {
  /** CLAUDE_ALLOWED_TOOLS: names, also with a pattern, as `Bash(git *)`. */
  allowed: readonly string[];
  /** CLAUDE_MCP_CONFIG: the path of a file. */
  mcpConfig: string | undefined;
  /** CLAUDE_SKIP_PERMISSIONS. */
  skipPermissions: boolean;
  /** OCP_HOST_TOOLS_KEYS. */
  keys: readonly string[];
}

/** The settings that decide about them, by their names in the table. */
export interface HostToolSettings {
  allowedTools: readonly string[] | undefined;
  mcpConfig: string | undefined;
  skipPermissions: boolean;
  hostToolsKeys: readonly string[] | undefined;
  tuiMode: boolean;
  tuiFullTools: boolean;
}

/** Stands for the shared key in OCP_HOST_TOOLS_KEYS: it has no name of its own. */
export const sharedKeyName = "PROXY_API_KEY";

/** Null: the model may use none. */
export function hostToolsOf(settings: HostToolSettings): HostTools | null {
  const { allowedTools, mcpConfig, skipPermissions, hostToolsKeys, tuiMode, tuiFullTools } = settings;
  if ((allowedTools === undefined && mcpConfig === undefined) || (tuiMode && !tuiFullTools)) return null;
  return { allowed: allowedTools ?? [], mcpConfig, skipPermissions, keys: hostToolsKeys ?? [] };
}

/**
 * Returns whether the model may use them for this caller: the admin, a program on this machine that presents no key, or
 * a key that the operator named. Names are compared as they are now: a key that is renamed loses or gains them at once,
 * and a new key of a name that is listed has them, since only the admin makes and renames keys.
 */
export function mayUseHostTools({ keys }: HostTools, { id, name, role, keyId }: Principal): boolean {
  if (role === "admin") return true;
  if (role !== "user") return false;
  if (keyId !== null) return keys.includes(name);
  return id === "local" || (id === "shared" && keys.includes(sharedKeyName));
}
