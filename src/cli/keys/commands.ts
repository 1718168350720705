/** The table of `ocp keys` and the commands below it. */

import type { CommandDef } from "citty";
import { remoteArgs } from "../remote.ts";
import { limitArgs } from "./limit-flags.ts";

const json = { type: "boolean", description: "Prints JSON." } as const;
const common = { ...remoteArgs, json };

const name = { type: "positional", description: "The key's name or its id." } as const;

const expires = {
  type: "string",
  valueHint: "90d|date",
  description: "When it ends: after so many hours, days or weeks (12h, 90d, 8w), or at a date (UTC) or time.",
} as const;

const subCommands: Record<string, CommandDef> = {
  add: {
    meta: { name: "add", description: "Creates a key and prints its secret, which is shown this once." },
    args: { name: { type: "positional", description: "What to call it." }, expires, ...limitArgs, ...common },
    run: async ({ args, data }) => (await import("./add.ts")).addKey(args, data),
  },
  revoke: {
    meta: { name: "revoke", description: "Ends a key for good." },
    args: { name, ...common },
    run: async ({ args, data }) => (await import("./revoke.ts")).revokeKey(args, data),
  },
  rename: {
    meta: { name: "rename", description: "Gives a key another name." },
    args: { name, new: { type: "positional", description: "Its new name." }, ...common },
    run: async ({ args, data }) => (await import("./rename.ts")).renameKey(args, data),
  },
  expire: {
    meta: { name: "expire", description: "Changes when a key ends." },
    args: {
      name,
      when: { type: "positional", description: "After a while (12h, 90d, 8w), at a date (UTC) or time, or never." },
      ...common,
    },
    run: async ({ args, data }) => (await import("./expire.ts")).expireKey(args, data),
  },
  rotate: {
    meta: { name: "rotate", description: "Gives a key a new secret and prints it; the old one is void at once." },
    args: { name, ...common },
    run: async ({ args, data }) => (await import("./rotate.ts")).rotateKey(args, data),
  },
  quota: {
    meta: {
      name: "quota",
      description: "Shows what a key may use and has used, or changes the limits that are named.",
    },
    args: { name, ...limitArgs, ...common },
    run: async ({ args, data }) => (await import("./quota.ts")).keyQuota(args, data),
  },
};

export const keysCommand: CommandDef = {
  meta: { name: "keys", description: "Lists the keys of people and devices; the commands below change them." },
  args: { all: { type: "boolean", description: "Revoked ones too." }, ...common },
  subCommands,
  run: async ({ args, data }) => (await import("./list.ts")).listKeys(args, data),
};
