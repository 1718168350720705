/**
 * The table of commands. What help needs is here and light; what a command does is imported when it runs, so that
 * `ocp --help` loads no server.
 */

import { type ArgsDef, type CommandDef, runCommand } from "citty";
import { renderHelp } from "./help.ts";
import { exitCodes, type Host, reportError, usageError, write } from "./output.ts";
import { remoteArgs } from "./remote.ts";
import { serveArgs } from "./serve-args.ts";
import { checkArguments, didYouMean, seeHelp } from "./strict.ts";

const json = { type: "boolean", description: "Prints JSON." } as const;

const commands = new Map(
  Object.entries<CommandDef>({
    serve: {
      meta: { name: "serve", description: "Serves your claude CLI as an API until it is stopped." },
      args: serveArgs,
      run: async ({ args, data }) => (await import("./serve.ts")).serve(args, data),
    },
    models: {
      meta: { name: "models", description: "Lists the models and their other names." },
      args: { json },
      run: async ({ args, data }) => (await import("./models.ts")).listModels(args.json === true, data),
    },
    sessions: {
      meta: { name: "sessions", description: "Lists the conversations that have a live claude process." },
      args: { ...remoteArgs, json },
      run: async ({ args, data }) => (await import("./sessions.ts")).listSessions(args, data),
    },
    clear: {
      meta: { name: "clear", description: "Ends the claude processes of conversations that wait." },
      args: { ...remoteArgs, json },
      run: async ({ args, data }) => (await import("./sessions.ts")).clearSessions(args, data),
    },
    cache: {
      meta: { name: "cache", description: "Shows what the response cache holds, or clears it." },
      args: {
        action: { type: "positional", required: false, description: "clear forgets all kept answers." },
        ...remoteArgs,
        json,
      },
      run: async ({ args, data }) => (await import("./cache.ts")).cache(args, data),
    },
    version: {
      meta: { name: "version", description: "Prints the version." },
      args: { json },
      run: async ({ args, data }) => (await import("./version.ts")).printVersion(args.json === true, data),
    },
    help: {
      meta: { name: "help", description: "Explains a command, or lists all." },
      args: { command: { type: "positional", required: false, description: "The command to explain." } },
      run: ({ args, data }) => help(typeof args.command === "string" ? args.command : undefined, data),
    },
  }),
);

/** Flags that stand for a command when they come first. */
const shorthands: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-v": "version",
};

/** Runs one command line and returns the exit code. Nothing is thrown. */
export async function runCli(argv: readonly string[], host: Host): Promise<number> {
  try {
    const [first = "--help", ...rest] = argv;
    const name = Object.hasOwn(shorthands, first) ? (shorthands[first] as string) : first;
    const command = commands.get(name) ?? unknownCommand(name);
    if (asksForHelp(rest)) return await help(name, host);
    checkArguments(`ocp ${name}`, rest, command.args as ArgsDef);
    const { result } = await runCommand(command, { rawArgs: rest, data: host });
    return typeof result === "number" ? result : exitCodes.ok;
  } catch (error) {
    return reportError(host, error);
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
}

function unknownCommand(name: string): never {
  const kind = name.startsWith("-") ? "flag" : "command";
  const hint = didYouMean(name, [...commands.keys(), ...Object.keys(shorthands)]);
  throw usageError(`There is no ${kind} ${JSON.stringify(name)}.${hint} ${seeHelp("ocp")}`);
}

async function help(name: string | undefined, host: Host): Promise<number> {
  const command = name === undefined ? undefined : (commands.get(name) ?? unknownCommand(name));
  await write(host, host.stdout, await renderHelp(command, commands));
  return exitCodes.ok;
}
