/** The flags of `ocp serve`: those that the table of settings gives, and `--demo`. */

import type { ArgsDef } from "citty";
import type { Environment } from "../config/load.ts";
import { defaultText, type Setting, settings } from "../config/settings.ts";

const hints = {
  int: "number",
  bool: "true|false",
  enum: "word",
  string: "text",
  text: "text",
  path: "path",
  secret: "key",
  list: "a,b",
  url: "url",
} as const;

const flagged = (settings as readonly Setting[]).filter((setting) => setting.flag !== null);

export const serveArgs: ArgsDef = {
  ...Object.fromEntries(flagged.map((setting) => [setting.flag, argOf(setting)])),
  demo: { type: "boolean", description: "Answers from a simulated API: no login and no subscription are needed." },
};

/** The settings among citty's arguments, as `loadConfig` wants them. */
export function flagsOf(args: Readonly<Record<string, unknown>>): Environment {
  const entries = flagged.map(({ flag }) => [flag, args[flag as string]] as const);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === "string")) as Environment;
}

function argOf(setting: Setting): ArgsDef[string] {
  const preset = setting.default === undefined ? "" : `, default ${defaultText(setting)}`;
  return {
    type: "string",
    valueHint: setting.type.kind === "enum" ? setting.type.values.join("|") : hints[setting.type.kind],
    description: `${setting.description} [${setting.env}${preset}]`,
  };
}
