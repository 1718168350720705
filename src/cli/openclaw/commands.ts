/** The table of the commands for OpenClaw. */

import type { CommandDef } from "citty";

export const openclawCommand: CommandDef = {
  meta: { name: "openclaw", description: "Keeps OpenClaw on this machine in step with the server." },
  subCommands: {
    sync: {
      meta: { name: "sync", description: "Writes the server and its models into OpenClaw's configuration." },
      args: {
        key: { type: "string", valueHint: "key", description: "What it presents, where the server asks for a key." },
        "dry-run": { type: "boolean", description: "Says what differs, and writes nothing." },
        quiet: { type: "boolean", description: "Says nothing when nothing differs, or OpenClaw is not here." },
        json: { type: "boolean", description: "Prints JSON." },
      },
      run: async ({ args, data }) => (await import("./sync.ts")).sync(args, data),
    },
    plugin: {
      meta: { name: "plugin", description: "The chat command /ocp in OpenClaw's gateway." },
      args: {
        action: { type: "positional", valueHint: "install|remove", description: "install it, or remove it." },
        json: { type: "boolean", description: "Prints JSON." },
      },
      run: async ({ args, data }) => (await import("./plugin.ts")).plugin(args, data),
    },
  },
};
