/** Who listens on a port of this machine. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Run } from "../service/command.ts";

export interface Holder {
  pid: number;
  name: string;
}

/** `unknown`: somebody may listen, but it cannot be seen who (another user's process, or no way to look). */
export async function holderOf(
  port: number,
  platform: NodeJS.Platform,
  run: Run,
): Promise<Holder | "nobody" | "unknown"> {
  return platform === "linux" ? onLinux(port) : byLsof(port, run);
}

/** /proc/net/tcp lists sockets by their inode, /proc/PID/fd the inodes that a process holds (proc(5)). */
function onLinux(port: number): Holder | "nobody" | "unknown" {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => (read(file) ?? "").split("\n").slice(1));
  const inodes = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === "0A")
    .map((fields) => `socket:[${fields[9]}]`);
  if (inodes.length === 0) return "nobody";
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const holds = list(`/proc/${pid}/fd`).some((each) => inodes.includes(link(`/proc/${pid}/fd/${each}`)));
    if (holds) return { pid: Number(pid), name: read(`/proc/${pid}/comm`)?.trim() ?? "unknown" };
  }
  return "unknown";
}

async function byLsof(port: number, run: Run): Promise<Holder | "nobody" | "unknown"> {
  const asked = await run(["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  const [pid, name] = [/^p(\d+)/m.exec(asked.stdout)?.[1], /^c(.+)/m.exec(asked.stdout)?.[1]];
  if (pid !== undefined) return { pid: Number(pid), name: name ?? "unknown" };
  return asked.code === 1 && asked.stderr === "" ? "nobody" : "unknown";
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
