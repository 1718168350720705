/** What the kernel says of processes, through /proc: Linux only. */

import { readFileSync } from "node:fs";
import { descendants } from "../test/harness/processes.ts";

/** Ms of a clock tick, in which /proc counts CPU time: USER_HZ is 100 on every Linux of today (proc(5)). */
const tickMs = 10;

/** Ms of CPU time that a process has used by itself, without its children. */
export function cpuTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, field 2, may hold spaces; utime and stime are fields 14 and 15 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

export interface Memory {
  /** Bytes, also those of the program's file that others may share. */
  resident: number;
  /** Bytes, of which shared pages count by their share. */
  proportional: number;
  /** Bytes that are nobody else's and come from no file. */
  anonymous: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
  return { resident: bytes("Rss"), proportional: bytes("Pss"), anonymous: bytes("Anonymous") };
}

const lookMs = 100;
/** A booted or answered CLI works on in bursts for some seconds. */
const quietLooks = 8;
const patienceMs = 10_000;

/**
 * Waits until nothing that this process started works any more, so that one sample does not pay for another; at most
 * `patience` ms.
 */
export async function settle(patience = patienceMs): Promise<void> {
  const deadline = performance.now() + patience;
  let before = busy();
  for (let quiet = 0; quiet < quietLooks && performance.now() < deadline; ) {
    await Bun.sleep(lookMs);
    const now = busy();
    quiet = [...now].every(([pid, time]) => time - (before.get(pid) ?? 0) < tickMs) ? quiet + 1 : 0;
    before = now;
  }
}

function busy(): Map<number, number> {
  const times = new Map<number, number>();
  for (const { pid } of descendants(process.pid)) {
    try {
      times.set(pid, cpuTime(pid));
    } catch {
      // It ended meanwhile.
    }
  }
  return times;
}
