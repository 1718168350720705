/**
 * The table of commands. What help needs is here and light; what a command does is imported when it runs, so that
 * `ocp --help` loads no server.
 */

import { type ArgsDef, type CommandDef, runCommand } from "citty";
import { doctorCommand } from "./doctor/commands.ts";
import { renderOverview, renderPage } from "./help.ts";
import { keysCommand } from "./keys/commands.ts";
import { openclawCommand } from "./openclaw/commands.ts";
import { exitCodes, type Host, reportError, usageError, write } from "./output.ts";
import { remoteArgs } from "./remote.ts";
import { serveArgs } from "./serve-args.ts";
import { serviceCommands } from "./service/commands.ts";
import { checkArguments, didYouMean, seeHelp } from "./strict.ts";
import { updateCommands } from "./update/commands.ts";

const json = { type: "boolean", description: "Prints JSON." } as const;

const commands = new Map(
  Object.entries<CommandDef>({
    serve: {
      meta: { name: "serve", description: "Serves your claude CLI as an API until it is stopped." },
      args: serveArgs,
      run: async ({ args, data }) => (await import("./serve.ts")).serve(args, data),
    },
    ...serviceCommands,
    doctor: doctorCommand,
    keys: keysCommand,
    usage: {
      meta: { name: "usage", description: "Shows how much of the plan is used, or by whom." },
      args: {
        "by-key": { type: "boolean", description: "Requests, times and tokens of each key." },
        hours: { type: "string", valueHint: "number", description: "How far back, 1 to 720. [default 24]" },
        all: { type: "boolean", description: "Everybody's; for the administrator." },
        ...remoteArgs,
        json,
      },
      run: async ({ args, data }) => (await import("./usage.ts")).usage(args, data),
    },
    settings: {
      meta: { name: "settings", description: "Shows the settings of a running server, or changes one." },
      args: {
        setting: { type: "positional", required: false, description: "The one to show or to change." },
        value: { type: "positional", required: false, description: "Its new value; none goes back to the default." },
        all: { type: "boolean", description: "Also those that only the start of the server sets." },
        ...remoteArgs,
        json,
      },
      run: async ({ args, data }) => (await import("./settings.ts")).settings(args, data),
    },
    logs: {
      meta: { name: "logs", description: "Prints the last lines of the log." },
      args: {
        n: { type: "positional", required: false, description: "How many lines, at most 200. [default 20]" },
        level: { type: "positional", required: false, description: "error, warn, info or all: it and worse ones." },
        follow: { type: "boolean", alias: "f", description: "Goes on with each new line." },
        ...remoteArgs,
        json: { type: "boolean", description: "Prints each line as JSON." },
      },
      run: async ({ args, data }) => (await import("./logs.ts")).logs(args, data),
    },
    status: {
      meta: { name: "status", description: "Shows the server, its requests, the plan and the last errors." },
      args: { ...remoteArgs, json },
      run: async ({ args, data }) => (await import("./status.ts")).printStatus(args, data),
    },
    health: {
      meta: { name: "health", description: "Says whether requests can be answered; fails if not." },
      args: { ...remoteArgs, json },
      run: async ({ args, data }) => (await import("./status.ts")).printHealth(args, data),
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
    openclaw: openclawCommand,
    ...updateCommands,
    version: {
      meta: { name: "version", description: "Prints the version." },
      args: { json },
      run: async ({ args, data }) => (await import("./version.ts")).printVersion(args.json === true, data),
    },
    help: {
      meta: { name: "help", description: "Explains a command, or lists all." },
      args: {
        command: { type: "positional", required: false, description: "The command to explain." },
        below: { type: "positional", required: false, description: "The one below it, as in `ocp help keys add`." },
      },
      run: ({ args, data }) =>
        help(
          [args.command, args.below].filter((name) => typeof name === "string"),
          data,
        ),
    },
  }),
);

/** Flags that stand for a command when they come first. */
const shorthands: ReadonlyMap<string, string> = new Map([
  ["--help", "help"],
  ["-h", "help"],
  ["--version", "version"],
  ["-v", "version"],
]);

const topLevel = [...commands.keys(), ...shorthands.keys()];

/** Runs one command line and returns the exit code. Nothing is thrown. */
export async function runCli(argv: readonly string[], host: Host): Promise<number> {
  try {
    const [first = "--help", ...others] = argv;
    const { path, command, rest } = find([shorthands.get(first) ?? first, ...others]);
    if (asksForHelp(rest)) return await help(path, host);
    checkArguments(["ocp", ...path].join(" "), rest, command.args as ArgsDef);
    const { result } = await runCommand(command, { rawArgs: rest, data: host });
    return typeof result === "number" ? result : exitCodes.ok;
  } catch (error) {
    return reportError(host, error);
  }
}

interface Found {
  /** The words that name the command. */
  path: string[];
  command: CommandDef;
  rest: string[];
}

/** The command that the first words name; words of commands below one come right after it. */
function find([name = "", ...rest]: readonly string[]): Found {
  const found: Found = { path: [name], command: commands.get(name) ?? unknownCommand("ocp", name, topLevel), rest };
  for (;;) {
    const below = found.command.subCommands as Record<string, CommandDef> | undefined;
    const [next] = found.rest;
    if (below === undefined || next === undefined || next.startsWith("-")) return found;
    const command = Object.hasOwn(below, next) ? below[next] : undefined;
    found.command = command ?? unknownCommand(["ocp", ...found.path].join(" "), next, Object.keys(below));
    found.path.push(next);
    found.rest = found.rest.slice(1);
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
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

async function help(path: readonly string[], host: Host): Promise<number> {
  await write(host, host.stdout, path.length === 0 ? await renderOverview(commands) : await renderPage(findAll(path)));
  return exitCodes.ok;
}
