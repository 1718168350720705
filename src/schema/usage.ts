/** Processor time and memory of another process. */

import { readFile } from "node:fs/promises";

export interface ProcessUsage {
  /** Processor time since its start, ms. */
  cpuMs: number;
  /** Resident memory, bytes. */
  rss: number;
}

/** Null when the process is gone, or the system does not tell. */
export async function usageOf(pid: number, platform: NodeJS.Platform): Promise<ProcessUsage | null> {
  return platform === "linux" ? fromProc(pid) : fromPs(pid);
}

/** Clock ticks are 10 ms and pages 4 KiB to every program (proc(5)), but for kernels with larger pages: status has kB. */
async function fromProc(pid: number): Promise<ProcessUsage | null> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
    ]);
    // The name before it may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const line = status.split("\n").find((each) => each.startsWith("VmRSS:"));
    const rss = Number.parseInt(line?.slice("VmRSS:".length) ?? "0", 10) * 1024;
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, rss };
  } catch {
    return null;
  }
}

async function fromPs(pid: number): Promise<ProcessUsage | null> {
  const child = Bun.spawn(["/bin/ps", "-o", "rss=,time=", "-p", String(pid)], { stderr: "ignore" });
  return parsePs(await child.stdout.text());
}

/** A line such as ` 51200   0:01.23`: kB, and minutes with seconds, or hours and days before them. */
export function parsePs(text: string): ProcessUsage | null {
  const [rss, time] = text.split(" ").filter((each) => each.trim() !== "");
  if (rss === undefined || time === undefined) return null;
  const [days, clock] = time.includes("-") ? time.split("-") : ["0", time];
  const seconds = (clock ?? "").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  const usage = { cpuMs: (Number(days) * 86_400 + seconds) * 1000, rss: Number(rss) * 1024 };
  return Number.isFinite(usage.cpuMs) && Number.isFinite(usage.rss) ? usage : null;
}
