/** Finds the agents that `bun run clients` installs. */

import { join } from "node:path";
import { claudeBinary } from "../harness/claude.ts";
import type { Agent } from "./agents.ts";

const cache = join(import.meta.dir, "..", "..", "node_modules", ".cache", "clients");

/** Where npm installs an agent's packages: the version is in the name. */
export function folderOf({ specs }: { specs: string[] }): string {
  return join(cache, (specs.at(-1) ?? "").replace("/", "+"));
}

/** Path of the agent's program, whether or not it is installed. */
export function programOf({ package: from }: Agent): string {
  return from ? join(folderOf(from), "node_modules", ".bin", from.program) : claudeBinary();
}
