/** The server of a soak: how it is started, what it says of itself, and whether it comes to rest and goes without a trace. */

import type { Simulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, type Target } from "../harness/ocp.ts";
import { processesAtHome, waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { filesIn, type Holding, look, processesOf, scratchOf } from "./look.ts";

const spares = 2;
const liveMax = 16;
const maxConcurrent = 8;
/** Short, so that processes also end by their age. */
const sessionTtlMs = 15_000;
/** For what takes no longer than a moment on an idle machine. */
// Longer than a schema worker stays without work (src/schema/checker.ts).
const patienceMs = 40_000;

/** Processes that there may be at any moment: a turn has one that runs, and may have one that it just gave up. */
export const mostProcesses = 2 * maxConcurrent + liveMax + spares;

/** Request headers that make a caller the one principal or the other. */
export const principals: ReadonlyArray<Record<string, string>> = [{}, { "x-forwarded-for": "192.0.2.7" }];

/** `inFlight`: requests at the same time. */
export function startServed(target: Target, simulator: Simulator, inFlight: number): Promise<Ocp> {
  return startOcp({
    target,
    simulator,
    env: {
      OCP_SPARES: String(spares),
      OCP_LIVE_MAX: String(liveMax),
      CLAUDE_MAX_CONCURRENT: String(maxConcurrent),
      CLAUDE_MAX_QUEUE: String(inFlight),
      CLAUDE_SESSION_TTL: String(sessionTtlMs),
    },
  });
}

/** Ends the conversations of all, as the owner may. */
export async function endSessions(ocp: Ocp): Promise<void> {
  await (await fetch(`${ocp.url}/sessions`, { method: "DELETE" })).json();
}

/** The pids of the processes that are answering. */
export async function running(ocp: Ocp): Promise<number[]> {
  const { sessions } = (await (await fetch(`${ocp.url}/sessions`)).json()) as {
    sessions: Array<{ state: string; pid: number }>;
  };
  return sessions.filter(({ state }) => state === "running").map(({ pid }) => pid);
}

/** Turns by the kind of process that answered; `none`: no process did. */
export async function turnsByPath(ocp: Ocp): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${ocp.url}/metrics`)).text();
  const turns: Record<string, number> = {};
  for (const [, path = "", count] of metrics.matchAll(/^ocp_turns_total\{.*\bpath="(\w+)".*\} (\d+)$/gm)) {
    turns[path] = (turns[path] ?? 0) + Number(count);
  }
  return turns;
}

/** Waits for the last turn's end. What is wrong then, as a sentence; null: it has the processes that it says it has. */
export async function comeToRest(ocp: Ocp): Promise<string | null> {
  let seen = "";
  const settled = async () => {
    const { stats, processes } = await health(ocp);
    const { running, parked, live, spare } = processes;
    const found = processesOf(ocp).length;
    seen = `${found} processes run, and the server speaks of ${JSON.stringify(processes)} and ${stats.activeRequests} requests.`;
    return stats.activeRequests === 0 && running === 0 && found === parked + live + spare;
  };
  return waitUntil("rest", settled, patienceMs).then(
    () => null,
    () => seen,
  );
}

/** Ends all conversations; resolves when nothing but the spares is left. */
export async function clear(ocp: Ocp): Promise<void> {
  await endSessions(ocp);
  await waitUntil(
    "only the spares are left",
    async () => {
      const { running, parked, live, spare } = (await health(ocp)).processes;
      return running + parked + live === 0 && spare === spares && processesOf(ocp).length === spares;
    },
    patienceMs,
  );
}

/** What a cleared server holds that it did not hold before; a sentence each. */
export async function remainders(ocp: Ocp, before: Holding): Promise<string[]> {
  const grown = () => {
    const now = look(ocp);
    const kinds = (["descriptors", "processes"] as const).filter((kind) => now[kind] > before[kind]);
    return kinds.map((kind) => `${now[kind]} ${kind} are left, and there were ${before[kind]}.`);
  };
  await waitUntil("nothing is left", () => grown().length === 0, patienceMs).catch(() => {});
  return grown();
}

/** What the CLI keeps for itself, however many processes there were. */
const kept = /^reminders\.json$|^\.claude\.json(\.lock)?$|^\.claude\/(backups|plugins)\//;

/** Stops it. What it leaves behind and what it should not have said; a sentence each. */
export async function goodbye(ocp: Ocp): Promise<string[]> {
  const code = await ocp.stop();
  await waitUntilNobodyAtHome(ocp.home, patienceMs).catch(() => {});
  const files = filesIn(scratchOf(ocp)).filter((name) => !kept.test(name));
  const lines = ocp.stderr().split("\n");
  const log = lines.filter((line) => /^\S+ error |outcome=internal|unhandled|rejection/i.test(line));
  return [
    ...(code === 0 ? [] : [`The server exited with ${code}.`]),
    ...processesAtHome(ocp.home).map(({ command }) => `The server leaves a process: ${command}`),
    ...files.map((name) => `The server leaves a file: ${name}`),
    ...log.slice(0, 5).map((line) => `The server logged: ${line.slice(0, 400)}`),
  ];
}

async function health(ocp: Ocp): Promise<any> {
  return (await fetch(`${ocp.url}/health`)).json();
}
