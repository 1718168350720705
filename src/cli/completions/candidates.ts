/** What may come next on a command line, from the table of commands. */

import type { ArgDef, CommandDef, CommandMeta } from "citty";
import { below, commands } from "../commands.ts";

export interface Candidate {
  word: string;
  /** One line, for shells that show it. */
  about: string;
}

/** `words`: those after `ocp`, the last one as far as it is typed. Empty where the shell's own files will do. */
export function candidates(words: readonly string[]): Candidate[] {
  const typed = words.at(-1) ?? "";
  const found = all(words.slice(0, -1), typed);
  return found.filter(({ word }) => word.startsWith(typed));
}

function all(before: readonly string[], typed: string): Candidate[] {
  let table: Record<string, CommandDef> = Object.fromEntries(commands);
  let command: CommandDef | null = null;
  let rest = [...before];
  while (rest[0] !== undefined && Object.hasOwn(table, rest[0])) {
    command = table[rest[0]] as CommandDef;
    table = below(command);
    rest = rest.slice(1);
  }
  if (command === null) return before.length === 0 ? listed(table) : [];
  const args = Object.entries((command.args ?? {}) as Record<string, ArgDef>);
  const last = before.at(-1);
  const asked = args.find(([name, arg]) => `--${name}` === last && arg.type !== "boolean");
  if (asked) return choices(asked[1]);
  if (typed.startsWith("-")) return flags(args);
  const below_ = rest.every((word) => word.startsWith("-")) ? listed(table) : [];
  const places = args.filter(([, arg]) => arg.type === "positional");
  const place = places[rest.filter((word) => !word.startsWith("-")).length];
  return [...below_, ...(place ? choices(place[1]) : [])];
}

function listed(table: Record<string, CommandDef>): Candidate[] {
  return Object.entries(table).map(([word, { meta }]) => ({ word, about: String((meta as CommandMeta).description) }));
}

function flags(args: ReadonlyArray<readonly [string, ArgDef]>): Candidate[] {
  const known = args.filter(([, arg]) => arg.type !== "positional");
  const help = { word: "--help", about: "Explains the command." };
  return [...known.map(([name, arg]) => ({ word: `--${name}`, about: arg.description ?? "" })), help];
}

/** The words of a hint such as `bash|zsh|fish`; a hint of another kind names no words. */
function choices(arg: ArgDef): Candidate[] {
  const hint = "valueHint" in arg ? (arg.valueHint ?? "") : "";
  if (hint === "command") return listed(Object.fromEntries(commands));
  if (!hint.includes("|") && !["gateway", "clear"].includes(hint)) return [];
  return hint.split("|").map((word) => ({ word, about: "" }));
}
