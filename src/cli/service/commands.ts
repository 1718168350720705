/** The table of the commands that make and control the service. */

import type { CommandDef } from "citty";
import { serveArgs } from "../serve-args.ts";

const json = { type: "boolean", description: "Prints JSON." } as const;
const yes = { type: "boolean", description: "Answers every question with yes." } as const;
const { demo: _, ...settingArgs } = serveArgs;

export const serviceCommands: Record<string, CommandDef> = {
  install: {
    meta: { name: "install", description: "Makes the server a service that starts with the machine, and starts it." },
    args: {
      ...settingArgs,
      system: { type: "boolean", description: "A service of the system, for root; else it is this user's own." },
      user: {
        type: "string",
        valueHint: "name",
        description: "With --system: whom it runs as. [default: who ran sudo]",
      },
      program: { type: "string", valueHint: "path", description: "The ocp to run. [default: this one]" },
      "no-start": { type: "boolean", description: "Does not start it." },
      "dry-run": { type: "boolean", description: "Says what would be done, and does nothing." },
      yes,
      json,
    },
    run: async ({ args, data }) => (await import("./install.ts")).install(args, data),
  },
  uninstall: {
    meta: { name: "uninstall", description: "Stops the service and removes it; keys and usage stay." },
    args: { purge: { type: "boolean", description: "Deletes keys, usage, settings and logs too." }, yes, json },
    run: async ({ args, data }) => (await import("./uninstall.ts")).uninstall(args, data),
  },
  start: {
    meta: { name: "start", description: "Starts the installed service, and waits until it answers." },
    args: { json },
    run: async ({ args, data }) => (await import("./control.ts")).start(args, data),
  },
  stop: {
    meta: { name: "stop", description: "Stops the installed service; running answers get 10 s to end." },
    args: { json },
    run: async ({ args, data }) => (await import("./control.ts")).stop(args, data),
  },
  restart: {
    meta: { name: "restart", description: "Restarts the installed service with its settings as they are now." },
    args: {
      what: {
        type: "positional",
        required: false,
        valueHint: "gateway",
        description: "gateway: OpenClaw's gateway instead.",
      },
      json,
    },
    run: async ({ args, data }) => (await import("./control.ts")).restart(args, data),
  },
};
