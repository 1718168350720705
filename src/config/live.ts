/**
 * The settings of a running server, and their change: the environment and the flags fix a value, else what was stored
 * at an earlier change holds, else the default.
 */

import { describeDefect } from "../core/defect.ts";
import { OcpError } from "../core/errors.ts";
import type { Log } from "../core/ports.ts";
import type { SettingsStore } from "../core/store.ts";
import { formOf, type Kind, parseValue, type Value } from "./kinds.ts";
import type { LoadedSettings } from "./load.ts";
import { type Config, type Setting, settings } from "./settings.ts";

export interface LiveSettings {
  /** The values as they are now. */
  readonly config: Config;
  /** Every setting by its key, in the order of the table. */
  list(): Record<string, SettingState>;
  /**
   * Sets a value from now on and for later starts, or with null goes back to the default; returns the value that then
   * holds. Throws OcpError not_found (no such key), conflict (the environment or a flag fixes it), invalid_request (it
   * does not change while the server runs, or the value is wrong), and not_ready (it could not be stored: nothing changed).
   */
  change(key: string, value: unknown): Value | null;
  /** `listener` is called after each change. */
  onChange(listener: () => void): void;
}

export interface SettingState {
  /** Null: not set, or a secret. */
  value: Value | null;
  type: "number" | "boolean" | "string" | "list" | "secret";
  /** The choices, where there are only some. */
  values?: readonly string[];
  /** Of a number, as the running server takes it. */
  min: number | null;
  max: number | null;
  unit: string | null;
  desc: string;
  source: "flag" | "environment" | "stored" | "default";
  /** The variable that sets it at the start. */
  env: string;
  default: Value | null;
  /** Whether it can be changed while the server runs. */
  live: boolean;
}

const table = settings as readonly Setting[];

/** What a setting is called where it can be changed. */
export function keyOf({ name, live }: Setting): string {
  return live?.key ?? name;
}

/** What a running server takes for it. */
export function liveType({ type, live }: Setting): Kind {
  return type.kind === "int" ? { ...type, min: live?.min ?? type.min, max: live?.max ?? type.max } : type;
}

/** Values in the store that do not hold any more, or not here, are left alone and named in the log. */
export function createLiveSettings(loaded: LoadedSettings, store: SettingsStore, log: Log): LiveSettings {
  const { given, defaults } = loaded;
  const config = loaded.config as Record<string, Value | undefined>;
  const stored = new Set<string>();
  const listeners: Array<() => void> = [];

  for (const [name, text] of store.all()) {
    const setting = table.find((each) => each.name === name);
    const fixed = given.get(name);
    if (!setting?.live) {
      log.warn("a stored setting is not known to this version", { setting: name });
    } else if (fixed) {
      log.info("a stored setting does not hold: it is set at the start", { setting: name, by: fixed.label });
    } else {
      try {
        config[name] = parseValue(liveType(setting), text, keyOf(setting));
        stored.add(name);
      } catch {
        log.warn("a stored setting is out of range and does not hold", {
          setting: name,
          allowed: formOf(liveType(setting)),
        });
      }
    }
  }

  const keep = (name: string, value: Value | null) => {
    try {
      if (value === null) store.unset(name);
      else store.set(name, String(value));
    } catch (cause) {
      log.error("a setting could not be stored", { setting: name, ...describeDefect(cause) });
      throw new OcpError("not_ready", "The setting could not be stored, so it stays as it was.", { cause });
    }
  };

  return {
    config: loaded.config,
    list: () => Object.fromEntries(table.map((setting) => [keyOf(setting), stateOf(setting)])),
    change(key, wanted) {
      const setting = table.find((each) => keyOf(each) === key);
      if (!setting) throw new OcpError("not_found", `There is no setting ${JSON.stringify(key.slice(0, 40))}.`);
      const { name, env, live } = setting;
      if (!live) throw new OcpError("invalid_request", `${key} holds until the next start: set ${env} and restart.`);
      const fixed = given.get(name);
      if (fixed) {
        const where = fixed.by === "flag" ? "the flag" : "the variable";
        throw new OcpError("conflict", `${key} is fixed by ${where} ${fixed.label}: the server must start without it.`);
      }
      const value = wanted === null ? null : fromJson(setting, wanted);
      keep(name, value);
      if (value === null) stored.delete(name);
      else stored.add(name);
      config[name] = value ?? defaults.get(name);
      for (const listener of listeners) listener();
      return config[name] ?? null;
    },
    onChange: (listener) => void listeners.push(listener),
  };

  function stateOf(setting: Setting): SettingState {
    const { name, env, live, description } = setting;
    const type = live ? liveType(setting) : setting.type;
    const secret = type.kind === "secret";
    return {
      value: secret ? null : (config[name] ?? null),
      type: jsonTypes[type.kind],
      ...(type.kind === "enum" ? { values: type.values } : {}),
      min: type.kind === "int" ? type.min : null,
      max: type.kind === "int" ? type.max : null,
      unit: (type.kind === "int" ? type.unit : undefined) ?? null,
      desc: description,
      source: given.get(name)?.by ?? (stored.has(name) ? "stored" : "default"),
      env,
      default: secret ? null : (defaults.get(name) ?? null),
      live: live !== undefined,
    };
  }
}

const jsonTypes = {
  int: "number",
  bool: "boolean",
  enum: "string",
  string: "string",
  text: "string",
  path: "string",
  url: "string",
  list: "list",
  secret: "secret",
} as const satisfies Record<Kind["kind"], SettingState["type"]>;

/** Strict about the type, so that a client's mistake does not become a value. */
function fromJson(setting: Setting, value: unknown): Value {
  const kind = liveType(setting);
  const type = jsonTypes[kind.kind];
  if (typeof value !== type) {
    throw new OcpError("invalid_request", `${keyOf(setting)} must be ${formOf(kind)}, as a JSON ${type}.`);
  }
  return parseValue(kind, String(value), keyOf(setting));
}
