/** `ocp doctor` in the table of commands. */

import type { CommandDef } from "citty";

export const doctorCommand: CommandDef = {
  meta: { name: "doctor", description: "Says what is wrong on this machine and what to do; fails if something is." },
  args: {
    check: { type: "string", valueHint: "id,id", description: "Only these checks." },
    json: { type: "boolean", description: "Prints JSON, with the next step for an agent." },
  },
  run: async ({ args, data }) => (await import("./doctor.ts")).doctor(args, data),
};
