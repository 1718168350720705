/** What a process has started, for ends after which nothing may go on. */

import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The pids of all that it has started, directly or not; empty where the system does not tell. */
export function descendantsOf(pid: number): number[] {
  const parents = parentsOfAll();
  const found: number[] = [];
  for (const queue = [pid]; queue.length > 0; ) {
    const parent = queue.pop();
    const children = parents.filter(([, of]) => of === parent).map(([child]) => child);
    found.push(...children);
    queue.push(...children);
  }
  return found;
}

/** Each process with its parent. */
function parentsOfAll(): Array<[pid: number, parent: number]> {
  if (existsSync("/proc/self/stat")) {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        // The name before it may hold anything.
        const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return [[Number(pid), Number(parent)]];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  }
  const { stdout } = Bun.spawnSync(["/bin/ps", "-A", "-o", "pid=,ppid="], { stderr: "ignore" });
  const lines = stdout.toString().trim().split("\n");
  return lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
}
