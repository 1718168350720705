/** Looks at the process table through /proc: Linux only. Nothing announces its changes, so waiting means polling. */

import { readdirSync, readFileSync } from "node:fs";

export interface ProcessInfo {
  pid: number;
  parent: number;
  /** argv, joined by spaces. */
  command: string;
}

/** All that run; what has ended and was not collected yet (a zombie) does not count. */
export function processes(): ProcessInfo[] {
  return readdirSync("/proc").flatMap((name) => {
    const found = /^\d+$/.test(name) ? inspect(Number(name)) : undefined;
    return found ? [found] : [];
  });
}

export function isAlive(pid: number): boolean {
  return inspect(pid) !== undefined;
}

/** Children, their children and so on. */
export function descendants(pid: number): ProcessInfo[] {
  const all = processes();
  const below = (parent: number): ProcessInfo[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

/** Those whose HOME is this directory or one inside it: also the orphans, which `descendants` cannot see. */
export function processesAtHome(home: string): ProcessInfo[] {
  return processes().filter(({ pid }) => {
    const variable = read(pid, "environ")
      ?.split("\0")
      .find((one) => one.startsWith("HOME="));
    const value = variable?.slice("HOME=".length);
    return value === home || value?.startsWith(`${home}/`);
  });
}

/** How many file descriptors the process holds open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resolves with what `look` returns once that is neither undefined nor false; rejects after `deadlineMs`. */
export async function waitUntil<Seen>(
  what: string,
  look: () => Seen | undefined | false | Promise<Seen | undefined | false>,
  deadlineMs = 5000,
): Promise<Seen> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await Bun.sleep(10);
  }
}

/** Resolves when no process has its HOME in this directory any more. */
export function waitUntilNobodyAtHome(home: string, deadlineMs?: number): Promise<true> {
  return waitUntil(`no process is left of ${home}`, () => processesAtHome(home).length === 0, deadlineMs);
}

function inspect(pid: number): ProcessInfo | undefined {
  const stat = read(pid, "stat");
  if (!stat) return undefined;
  // "pid (name) state parent ...", and the name may hold spaces and brackets.
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  return { pid, parent: Number(parent), command: read(pid, "cmdline")?.split("\0").join(" ").trim() ?? "" };
}

/** Undefined when the process has ended meanwhile, or is another user's. */
function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
