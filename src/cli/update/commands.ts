/** The table of the commands that bring a newer version. */

import type { CommandDef } from "citty";

const json = { type: "boolean", description: "Prints JSON." } as const;

export const updateCommands: Record<string, CommandDef> = {
  update: {
    meta: {
      name: "update",
      description: "Installs the newest release, and goes back by itself if it does not answer.",
    },
    args: {
      check: { type: "boolean", description: "Only says whether there is a newer one; exit code 10 if so." },
      target: { type: "string", valueHint: "version", description: "That release instead of the newest." },
      rollback: { type: "boolean", description: "Goes back to the version before the last update." },
      list: { type: "boolean", description: "With --rollback: lists what can be gone back to." },
      snapshot: { type: "string", valueHint: "name", description: "With --rollback: to this one of the list." },
      "dry-run": { type: "boolean", description: "Says what would be done, and does nothing." },
      yes: { type: "boolean", description: "Answers every question with yes." },
      json,
    },
    run: async ({ args, data }) => (await import("./update.ts")).update(args, data),
  },
  "self-test": {
    meta: { name: "self-test", description: "Serves for a moment beside the running server, with a copy of its data." },
    args: { json },
    run: async ({ args, data }) => (await import("../self-test.ts")).selfTest(args, data),
  },
};
