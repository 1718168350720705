/** Runs one command line: finds the command, refuses what it does not know, and turns errors into a line and a code. */

import { type ArgsDef, type CommandDef, runCommand } from "citty";
import { below } from "./commands.ts";
import { find, help, shorthands } from "./find.ts";
import { exitCodes, type Host, reportError, usageError } from "./output.ts";
import { checkArguments, seeHelp } from "./strict.ts";

/** The commands that read the table of commands itself. */
const onTheTable: Readonly<Record<string, NonNullable<CommandDef["run"]>>> = {
  help: ({ args, data }) =>
    help(
      [args.command, args.below].filter((name) => typeof name === "string"),
      data,
    ),
  completions: async ({ args, data }) => (await import("./completions/print.ts")).printScript(args, data),
};

/** Runs one command line and returns the exit code. Nothing is thrown. */
export async function runCli(argv: readonly string[], host: Host): Promise<number> {
  try {
    const [first = "--help", ...others] = argv;
    // What a shell wants to complete may be anything.
    if (first === "completions" && others[0] === "candidates") {
      return await (await import("./completions/print.ts")).printCandidates(others.slice(1), host);
    }
    const { path, command, rest } = find([shorthands.get(first) ?? first, ...others]);
    if (asksForHelp(rest)) return await help(path, host);
    const name = ["ocp", ...path].join(" ");
    checkArguments(name, rest, (command.args ?? {}) as ArgsDef);
    const run = onTheTable[path.join(" ")] ?? command.run;
    if (!run) throw usageError(`\`${name}\` needs one of: ${Object.keys(below(command)).join(", ")}. ${seeHelp(name)}`);
    const { result } = await runCommand({ ...command, run }, { rawArgs: rest, data: host });
    return typeof result === "number" ? result : exitCodes.ok;
  } catch (error) {
    return reportError(host, error);
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
}
