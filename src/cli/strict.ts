/** Refuses what citty lets through: unknown flags, flags without their value, and surplus or missing arguments. */

import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import { usageError } from "./output.ts";

/** Throws OcpError invalid_request that names the argument; `command` is how the user calls the command. */
export function checkArguments(command: string, rawArgs: readonly string[], definition: ArgsDef): void {
  const flags = Object.entries(definition).filter(([, arg]) => arg.type !== "positional");
  const places = Object.entries(definition).filter(([, arg]) => arg.type === "positional");
  const options = Object.fromEntries(flags.map(([name, arg]) => [name, optionOf(arg)]));
  const { tokens } = parseArgs({
    args: [...rawArgs],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  let arguments_ = 0;
  for (const token of tokens) {
    if (token.kind === "option") checkFlag(command, token, options);
    if (token.kind === "positional" && ++arguments_ > places.length) {
      throw usageError(`\`${command}\` does not take the argument "${token.value}". ${seeHelp(command)}`);
    }
  }
  const missing = places.slice(arguments_).find(([, arg]) => arg.required !== false)?.[0];
  if (missing === undefined) return;
  throw usageError(`\`${command}\` needs the argument ${missing.toUpperCase()}. ${seeHelp(command)}`);
}

function optionOf(arg: ArgsDef[string]): Option {
  const type = arg.type === "boolean" ? "boolean" : "string";
  const alias = "alias" in arg ? arg.alias : undefined;
  return typeof alias === "string" && alias.length === 1 ? { type, short: alias } : { type };
}

interface Option {
  type: "boolean" | "string";
  short?: string;
}

interface FlagToken {
  name: string;
  rawName: string;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
}

function checkFlag(command: string, token: FlagToken, options: Record<string, Option>): void {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) {
    const hint = didYouMean(
      token.rawName,
      [...Object.keys(options), "help"].map((name) => `--${name}`),
    );
    throw usageError(`\`${command}\` has no flag ${token.rawName}.${hint} ${seeHelp(command)}`);
  }
  if (option.type === "boolean" && token.value !== undefined) {
    throw usageError(`${token.rawName} takes no value.`);
  }
  const swallowedFlag = token.inlineValue === false && token.value?.startsWith("--");
  if (option.type === "string" && (token.value === undefined || swallowedFlag)) {
    throw usageError(`${token.rawName} needs a value.`);
  }
}

/** Where to read more, as a sentence. */
export function seeHelp(command: string): string {
  return `See \`${command} --help\`.`;
}

/** ` Did you mean X?` with the nearest of `known`, or nothing when none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? "" : ` Did you mean ${near.candidate}?`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
