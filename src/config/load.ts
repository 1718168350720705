/** Reads the settings strictly: flags win over the environment, the environment over the defaults. */

import { isAbsolute } from "node:path";
import { isLoopback } from "../core/address.ts";
import { OcpError } from "../core/errors.ts";
import { hostToolsOf } from "../core/host-tools.ts";
import { parseValue, type Value } from "./kinds.ts";
import type { Machine } from "./memory.ts";
import { type Config, type Setting, settings } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedSettings {
  /** All values, by name. Those of live settings may change (live.ts): who needs one reads it here at that moment. */
  config: Config;
  /** Which settings somebody set, by name, and where. */
  given: ReadonlyMap<string, Given>;
  /** What each setting is when nobody sets it, by name. */
  defaults: ReadonlyMap<string, Value | undefined>;
}

export interface Given {
  by: "flag" | "environment";
  /** What the user wrote: the flag with its dashes, or the variable. */
  label: string;
}

/** As `loadSettings`, the values alone. */
export function loadConfig(env: Environment, flags: Environment, machine: Machine): Config {
  return loadSettings(env, flags, machine).config;
}

/**
 * Flags are keyed by their name without dashes. An empty variable counts as unset, an empty flag is an error;
 * variables that are no settings are other programs' business.
 * Throws one OcpError invalid_request that lists every bad value, each with its variable or flag.
 */
export function loadSettings(env: Environment, flags: Environment, machine: Machine): LoadedSettings {
  const problems: string[] = [];
  const isSet = (name: string) => env[name] !== undefined && env[name] !== "";
  const values: Record<string, unknown> = {};
  const given = new Map<string, Given>();
  const defaults = new Map<string, Value | undefined>();
  for (const setting of settings as readonly Setting[]) {
    const found = givenValue(setting, env, flags);
    const preset = defaultOf(setting, machine, isSet);
    defaults.set(setting.name, preset);
    try {
      values[setting.name] = found ? parseValue(setting.type, found.text, found.label) : preset;
      if (found) given.set(setting.name, { by: found.by, label: found.label });
    } catch (error) {
      if (!(error instanceof OcpError)) throw error;
      problems.push(error.message);
    }
  }
  const config = values as unknown as Config;
  if (config.authMode === "shared" && !isSet("PROXY_API_KEY")) {
    problems.push("The auth mode is shared, but PROXY_API_KEY, the key that clients present, is not set.");
  }
  problems.push(...againstHostTools(config));
  if (config.tuiMode) problems.push(...againstTui(config));
  if (problems.length > 0) throw new OcpError("invalid_request", problems.join("\n"));
  return { config, given, defaults };
}

/** Tools of this machine are its owner's: a start that lets others ask beside them must say that this is meant. */
function againstHostTools(config: Config): string[] {
  const { authMode, anonymousKey, bind, skipPermissions, hostToolsLan, hostToolsKeys } = config;
  if (hostToolsLan || (hostToolsOf(config) === null && !skipPermissions)) return [];
  const named = hostToolsKeys !== undefined && hostToolsKeys.length > 0;
  const reasons: Array<[boolean, string]> = [
    [authMode === "multi" && !named, "not in the auth mode multi, but for keys that OCP_HOST_TOOLS_KEYS names"],
    [anonymousKey !== undefined, "not with a key for guests (PROXY_ANONYMOUS_KEY)"],
    [
      !isLoopback(bind ?? "") && !named,
      "only on a loopback address such as 127.0.0.1, but for keys that OCP_HOST_TOOLS_KEYS names",
    ],
  ];
  return reasons
    .filter(([applies]) => applies)
    .map(
      ([, reason]) =>
        `Tools of this machine (CLAUDE_ALLOWED_TOOLS, CLAUDE_MCP_CONFIG, CLAUDE_SKIP_PERMISSIONS) are its owner's: ${reason}. OCP_HOST_TOOLS_LAN=1 lets others ask too, without them.`,
    );
}

/** The interactive mode is one person's: what would let others in, or let the model do as it likes, is refused. */
function againstTui(config: Config): string[] {
  const { authMode, anonymousKey, bind, tuiAllowLan, skipPermissions, tuiHome, tuiCwd } = config;
  const reasons: Array<[boolean, string]> = [
    [authMode === "multi", "not in the auth mode multi"],
    [anonymousKey !== undefined, "not with a key for guests (PROXY_ANONYMOUS_KEY)"],
    [
      !isLoopback(bind ?? "") && !tuiAllowLan,
      "only on a loopback address such as 127.0.0.1, or with OCP_TUI_ALLOW_LAN=1",
    ],
    [skipPermissions, "not with CLAUDE_SKIP_PERMISSIONS"],
  ];
  const paths = { OCP_TUI_HOME: tuiHome, OCP_TUI_CWD: tuiCwd };
  return [
    ...reasons
      .filter(([applies]) => applies)
      .map(([, reason]) => `The interactive mode (CLAUDE_TUI_MODE) is for one person: ${reason}.`),
    ...Object.entries(paths)
      .filter(([, path]) => path !== undefined && !isAbsolute(path))
      .map(([name, path]) => `${name} is ${JSON.stringify(path)}. It must be an absolute path.`),
  ];
}

function givenValue(setting: Setting, env: Environment, flags: Environment): (Given & { text: string }) | undefined {
  const flag = setting.flag === null ? undefined : flags[setting.flag];
  if (flag !== undefined) return { text: flag, by: "flag", label: `--${setting.flag}` };
  const text = env[setting.env];
  return text === undefined || text === "" ? undefined : { text, by: "environment", label: setting.env };
}

function defaultOf(setting: Setting, machine: Machine, isSet: (env: string) => boolean): Value | undefined {
  return typeof setting.default === "object" ? setting.default.from(machine, isSet) : setting.default;
}
