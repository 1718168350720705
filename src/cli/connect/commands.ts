/** The table of the commands that configure the clients of this machine. */

import type { CommandDef } from "citty";

const only = {
  only: { type: "string", valueHint: "names", description: "These clients, found or not: codex,zed" },
  except: { type: "string", valueHint: "names", description: "All that are found but these." },
} as const;
const dryRun = { type: "boolean", description: "Shows what would change, and writes nothing." } as const;
const json = { type: "boolean", description: "Prints JSON." } as const;

export const connectCommands: Record<string, CommandDef> = {
  connect: {
    meta: { name: "connect", description: "Points every IDE and agent on this machine to a server." },
    args: {
      host: {
        type: "positional",
        required: false,
        valueHint: "host[:port]|url",
        description: "The server; `ocp lan` says it there. [default port 3456]",
      },
      key: {
        type: "string",
        valueHint: "key",
        description: "The key to give them; others can see it in the list of processes.",
      },
      ...only,
      "dry-run": dryRun,
      yes: { type: "boolean", description: "Asks nothing." },
      "set-default": { type: "boolean", description: "Also makes the server's models the clients' default." },
      "no-shell": { type: "boolean", description: "Leaves the shells' variables alone." },
      status: { type: "boolean", description: "Says what is configured, where it points, and whether that answers." },
      json,
    },
    run: async ({ args, data }) => (await import("./connect.ts")).connect(args, data),
  },
  disconnect: {
    meta: { name: "disconnect", description: "Takes back all that `ocp connect` has written." },
    args: { ...only, "dry-run": dryRun, json },
    run: async ({ args, data }) => (await import("./disconnect.ts")).disconnect(args, data),
  },
};
