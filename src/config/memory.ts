/** How much memory this machine has for the CLI's processes: the lower of its own and its control group's. */

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

/** What defaults depend on. */
export interface Machine {
  /** Bytes that this process and its children can use at most. */
  memory: number;
}

const share = 0.6;

/** The default of OCP_MEMORY_MAX in bytes. */
export function defaultMemoryMax(machine: Machine): number {
  return Math.floor(machine.memory * share);
}

const GB = 1_000_000_000;

/** The default of OCP_SPARES: each spare takes about 105 MB. */
export function defaultSpares(machine: Machine): number {
  return machine.memory < GB ? 0 : machine.memory < 4 * GB ? 1 : 2;
}

const MiB = 1024 * 1024;

/** The default of OCP_REQUEST_MEMORY in bytes: half of the least of it takes a body of 32 MB. */
export function defaultRequestMemory(machine: Machine): number {
  return Math.min(1024 * MiB, Math.max(256 * MiB, Math.floor(machine.memory / 8)));
}

/** Reads this machine. `read` returns a file's text and throws when there is none. */
export function readMachine(read = (path: string) => readFileSync(path, "utf8"), installed = totalmem()): Machine {
  return { memory: Math.min(installed, ...groupLimits(read)) };
}

/**
 * The limits in bytes of the control group and of every group above it, since any of them binds.
 * Version 2 has one tree and `memory.max`, version 1 one tree a controller and `memory.limit_in_bytes`
 * (Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst). Elsewhere there are none.
 */
function groupLimits(read: (path: string) => string): number[] {
  const limits: number[] = [];
  for (const line of lines(read, "/proc/self/cgroup")) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === undefined || controllers === undefined) continue;
    const unified = controllers === "";
    if (!unified && !controllers.split(",").includes("memory")) continue;
    const [root, file] = unified
      ? ["/sys/fs/cgroup", "memory.max"]
      : ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"];
    for (const path of upwards(group)) {
      const limit = Number.parseInt(lines(read, `${root}${path}/${file}`)[0] ?? "", 10);
      if (limit > 0) limits.push(limit);
    }
  }
  return limits;
}

/** `/a/b` gives `/a/b`, `/a` and the root, "". */
function upwards(group: string): string[] {
  const parts = group.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, depth) =>
    parts
      .slice(0, parts.length - depth)
      .map((part) => `/${part}`)
      .join(""),
  );
}

function lines(read: (path: string) => string, path: string): string[] {
  try {
    return read(path).split("\n");
  } catch {
    return [];
  }
}
