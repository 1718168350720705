/**
 * The table of commands, in the groups in which help lists them. What help needs is here and light; what a command
 * does is imported when it runs, so that `ocp --help` loads no server.
 */

import type { CommandDef } from "citty";
import { connectCommands } from "./connect/commands.ts";
import { doctorCommand } from "./doctor/commands.ts";
import { keysCommand } from "./keys/commands.ts";
import { openclawCommand } from "./openclaw/commands.ts";
import { remoteArgs } from "./remote.ts";
import { serveArgs } from "./serve-args.ts";
import { serviceCommands } from "./service/commands.ts";
import { updateCommands } from "./update/commands.ts";

const json = { type: "boolean", description: "Prints JSON." } as const;

interface Group {
  title: string;
  commands: Record<string, CommandDef>;
}

const server: Group = {
  title: "the server",
  commands: {
    serve: {
      meta: { name: "serve", description: "Serves your claude CLI as an API until it is stopped." },
      args: serveArgs,
      run: async ({ args, data }) => (await import("./serve.ts")).serve(args, data),
    },
    ...serviceCommands,
    doctor: doctorCommand,
    ...updateCommands,
  },
};

const people: Group = {
  title: "who uses it",
  commands: {
    keys: keysCommand,
    lan: {
      meta: { name: "lan", description: "Shows this machine's addresses, and what to type on the others." },
      args: {
        qr: { type: "boolean", description: "Also the first address as a QR code, for phones." },
        json,
      },
      run: async ({ args, data }) => (await import("./lan.ts")).lan(args, data),
    },
    openclaw: openclawCommand,
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
    sessions: {
      meta: {
        name: "sessions",
        description: "Lists the conversations: those with a claude process, and those that hibernate.",
      },
      args: { ...remoteArgs, json },
      run: async ({ args, data }) => (await import("./sessions.ts")).listSessions(args, data),
    },
    clear: {
      meta: {
        name: "clear",
        description: "Ends the claude processes of conversations that wait, and forgets those that hibernate.",
      },
      args: { ...remoteArgs, json },
      run: async ({ args, data }) => (await import("./sessions.ts")).clearSessions(args, data),
    },
  },
};

const machine: Group = {
  title: "the clients of this machine",
  commands: connectCommands,
};

const state: Group = {
  title: "how it is",
  commands: {
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
    cache: {
      meta: { name: "cache", description: "Shows what the response cache holds, or clears it." },
      args: {
        action: {
          type: "positional",
          required: false,
          valueHint: "clear",
          description: "clear forgets all kept answers.",
        },
        ...remoteArgs,
        json,
      },
      run: async ({ args, data }) => (await import("./cache.ts")).cache(args, data),
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
    models: {
      meta: { name: "models", description: "Lists the models and their other names." },
      args: { json },
      run: async ({ args, data }) => (await import("./models.ts")).listModels(args.json === true, data),
    },
  },
};

/** The two that read this table get what they do where it is known (root.ts). */
const itself: Group = {
  title: "ocp itself",
  commands: {
    completions: {
      meta: { name: "completions", description: "Prints the script that completes commands in a shell." },
      args: { shell: { type: "positional", valueHint: "bash|zsh|fish", description: "The shell." } },
    },
    version: {
      meta: { name: "version", description: "Prints the version." },
      args: { json },
      run: async ({ args, data }) => (await import("./version.ts")).printVersion(args.json === true, data),
    },
    licences: {
      meta: { name: "licences", description: "Prints the licence notices of all that is in this binary." },
      args: { json },
      run: async ({ args, data }) => (await import("./licences.ts")).printLicences(args.json === true, data),
    },
    help: {
      meta: { name: "help", description: "Explains a command, or lists all." },
      args: {
        command: { type: "positional", required: false, valueHint: "command", description: "The command to explain." },
        below: { type: "positional", required: false, description: "The one below it, as in `ocp help keys add`." },
      },
    },
  },
};

export const groups: readonly Group[] = [server, people, machine, state, itself];

export const commands: ReadonlyMap<string, CommandDef> = new Map(
  groups.flatMap((group) => Object.entries(group.commands)),
);

/** The commands right below one; none where it is not a table of its own. */
export function below(command: CommandDef): Record<string, CommandDef> {
  return (command.subCommands ?? {}) as Record<string, CommandDef>;
}
