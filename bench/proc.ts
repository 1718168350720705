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

/** A booted or answered CLI works on in bursts for some seconds, so it takes several calm windows in a row. */
const windowMs = 200;
const calmWindows = 3;
const patienceMs = 5_000;
/**
 * How busy all processes together may be in a calm window, in cores: two clock ticks, and the 0.1 to 1 % that each idle
 * CLI takes (measured on 2.1.330).
 */
const restingCores = (processes: number) => (2 * tickMs) / windowMs + 0.01 * processes;

/**
 * Waits until what this process started rests, so that one sample does not pay for another; `patience` ms at most. To
 * rest is to use little processor time: idle CLIs always use some.
 */
export async function settle(patience = patienceMs): Promise<void> {
  const deadline = performance.now() + patience;
  let before = observe();
  for (let calm = 0; calm < calmWindows && performance.now() < deadline; ) {
    await Bun.sleep(windowMs);
    const now = observe();
    calm = isResting(before, now) ? calm + 1 : 0;
    before = now;
  }
}

export interface Observed {
  /** Ms. */
  at: number;
  /** The CPU time of each process by its pid, ms. */
  cpu: ReadonlyMap<number, number>;
}

/** Tells whether the processes that were there both times rested in between. One that has just started does not. */
export function isResting(before: Observed, now: Observed): boolean {
  let used = 0;
  for (const [pid, time] of now.cpu) used += time - (before.cpu.get(pid) ?? 0);
  return used / (now.at - before.at) <= restingCores(now.cpu.size);
}

function observe(): Observed {
  const cpu = new Map<number, number>();
  for (const { pid } of descendants(process.pid)) {
    try {
      cpu.set(pid, cpuTime(pid));
    } catch {
      // It ended meanwhile.
    }
  }
  return { at: performance.now(), cpu };
}
