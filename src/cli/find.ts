/** Finds the command that words name, and explains it. */

import type { CommandDef } from "citty";
import { below, commands } from "./commands.ts";
import { renderOverview, renderPage } from "./help.ts";
import { exitCodes, type Host, usageError, write } from "./output.ts";
import { didYouMean, seeHelp } from "./strict.ts";

/** Other names of a command, where they come first. */
export const shorthands: ReadonlyMap<string, string> = new Map([
  ["--help", "help"],
  ["-h", "help"],
  ["--version", "version"],
  ["-v", "version"],
  ["licenses", "licences"],
]);

const topLevel = [...commands.keys(), ...shorthands.keys()];

export interface Found {
  /** The words that name the command. */
  path: string[];
  command: CommandDef;
  rest: string[];
}

/** The command that the first words name; words of commands below one come right after it. */
export function find([name = "", ...rest]: readonly string[]): Found {
  const found: Found = { path: [name], command: commands.get(name) ?? unknownCommand("ocp", name, topLevel), rest };
  for (;;) {
    const table = below(found.command);
    const [next] = found.rest;
    if (Object.keys(table).length === 0 || next === undefined || next.startsWith("-")) return found;
    const command = Object.hasOwn(table, next) ? table[next] : undefined;
    found.command = command ?? unknownCommand(["ocp", ...found.path].join(" "), next, Object.keys(table));
    found.path.push(next);
    found.rest = found.rest.slice(1);
  }
}

/** The same, where all words name the command. */
function findAll(words: readonly string[]): Found {
  const found = find(words);
  const [surplus] = found.rest;
  if (surplus === undefined) return found;
  throw usageError(`\`ocp ${found.path.join(" ")}\` does not take the argument "${surplus}". ${seeHelp("ocp")}`);
}

function unknownCommand(parent: string, name: string, known: readonly string[]): never {
  const kind = name.startsWith("-") ? "flag" : "command";
  const shown = JSON.stringify(parent === "ocp" ? name : `${parent.slice("ocp ".length)} ${name}`);
  throw usageError(`There is no ${kind} ${shown}.${didYouMean(name, known)} ${seeHelp(parent)}`);
}

/** The page of the command that the words name, or of all. */
export async function help(path: readonly string[], host: Host): Promise<number> {
  await write(host, host.stdout, path.length === 0 ? await renderOverview() : await renderPage(findAll(path)));
  return exitCodes.ok;
}
