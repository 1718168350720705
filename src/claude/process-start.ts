/** When a process has begun: a number alone says nothing, since the system gives it again. */

import { existsSync, readFileSync } from "node:fs";

/** In Linux's tables a second has so many ticks, whatever the machine. */
const ticksPerSecond = 100;

/**
 * Returns whether a process of this number runs that may have been there at `since` (epoch ms). One that cannot be
 * dated counts as one that was.
 */
export function ranAt(pid: number, since: number): boolean {
  if (!isRunning(pid)) return false;
  const began = startOf(pid);
  // Both clocks are told in whole seconds or less.
  return began === null || began <= since + 2_000;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Epoch ms; null: the system does not tell. */
function startOf(pid: number): number | null {
  try {
    return existsSync("/proc/self/stat") ? startInProc(pid) : startByPs(pid);
  } catch {
    return null;
  }
}

function startInProc(pid: number): number | null {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold anything; behind it stand fields 3 and later, and the start is field 22.
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const line = readFileSync("/proc/stat", "utf8")
    .split("\n")
    .find((each) => each.startsWith("btime "));
  return known((Number(line?.slice("btime ".length)) + ticks / ticksPerSecond) * 1_000);
}

function startByPs(pid: number): number | null {
  const command = ["/bin/ps", "-o", "lstart=", "-p", `${pid}`];
  const { stdout } = Bun.spawnSync(command, { env: { LC_ALL: "C" }, stderr: "ignore" });
  return known(Date.parse(stdout.toString().trim()));
}

function known(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}
