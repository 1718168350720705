/** What a server holds at a moment: memory, descriptors, processes, files. Through /proc: Linux only. */

import { type Dirent, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { memoryOf } from "../../bench/proc.ts";
import type { Ocp } from "../harness/ocp.ts";
import { processesAtHome } from "../harness/processes.ts";

export interface Holding {
  /** Bytes of the server process itself. */
  rss: number;
  /** Of the server process, its TCP sockets apart: those of clients stay open as long as the clients like. */
  descriptors: number;
  /** Its TCP sockets, the one that listens included. */
  sockets: number;
  /** Processes of the CLI. */
  processes: number;
  /** Files in the scratch home. */
  files: number;
}

export function look(ocp: Ocp): Holding {
  const links = descriptorsOf(ocp.pid);
  const tcp = tcpSockets(ocp.pid);
  const sockets = links.filter((link) => tcp.has(link)).length;
  return {
    rss: memoryOf(ocp.pid).resident,
    descriptors: links.length - sockets,
    sockets,
    processes: processesOf(ocp).length,
    files: filesIn(scratchOf(ocp)).length,
  };
}

export const scratchOf = ({ home }: Ocp) => join(home, ".ocp", "spawn-home");

/** The pids of the CLI's processes, without those that only tell their version. */
export function processesOf(ocp: Ocp): number[] {
  return processesAtHome(scratchOf(ocp))
    .filter(({ command }) => command.includes("stream-json"))
    .map(({ pid }) => pid);
}

/** All that is no directory, by its path from there. What goes meanwhile is left out. */
export function filesIn(directory: string): string[] {
  return entriesOf(directory).flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    return filesIn(join(directory, entry.name)).map((name) => join(entry.name, name));
  });
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** What each descriptor leads to: `socket:[4711]` and the like. */
function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`)];
    } catch {
      return [];
    }
  });
}

/** All TCP sockets of the process's network, as descriptors name them: the inode is the tenth column of proc_net(5). */
function tcpSockets(pid: number): Set<string> {
  const lines = ["tcp", "tcp6"].flatMap((name) => {
    try {
      return readFileSync(`/proc/${pid}/net/${name}`, "utf8").trim().split("\n").slice(1);
    } catch {
      return [];
    }
  });
  return new Set(lines.map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`));
}
