/** What happens to the server in the course of a session, so that no conversation of the agent keeps its process. */

import type { Ocp } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";
import { askRivals } from "./rivals.ts";

/** Processes that fit in the memory where it is short: the server counts 170 MiB for each, and 70 for what all share. */
const places = 2;

/** Each as the end of a test's title, and the settings of the server that it needs. */
export const disturbances = {
  none: { title: "", env: {} },
  /** SIGKILL, and a new server in the same home. */
  killed: { title: ", the server killed after every fifth step", env: { OCP_SESSION_KEEP: "1" } },
  expired: { title: ", every fifth step after CLAUDE_SESSION_TTL of a second", env: { CLAUDE_SESSION_TTL: "1000" } },
  /** All of which other conversations take. */
  "short of memory": {
    title: ", with memory for two processes, which others take after every fifth step",
    env: { OCP_MEMORY_MAX: String((70 + places * 170) * 1024 * 1024) },
  },
} as const satisfies Record<string, { title: string; env: Record<string, string> }>;

export type Disturbance = keyof typeof disturbances;

/** `key`: null where the server asks for none. Resolves with the server that runs then. Rejects when a process is left. */
export async function disturb(
  disturbance: Exclude<Disturbance, "none">,
  ocp: Ocp,
  start: () => Promise<Ocp>,
  key: string | null,
): Promise<Ocp> {
  if (disturbance === "killed") {
    await ocp.kill();
    return start();
  }
  if (disturbance === "expired") {
    await waitUntil("no conversation holds a process", () => isEmpty(ocp.url), 20_000);
    return ocp;
  }
  await askRivals(ocp.url, key, places);
  const { parked, live } = await processesOf(ocp.url);
  if (parked !== places || live !== 0) throw new Error(`The agent kept a process: ${live} and ${parked} wait.`);
  return ocp;
}

async function isEmpty(url: string): Promise<boolean> {
  const { live, parked, running } = await processesOf(url);
  return live === 0 && parked === 0 && running === 0;
}

async function processesOf(url: string): Promise<Record<"live" | "parked" | "running", number>> {
  const health = (await (await fetch(`${url}/health`)).json()) as {
    processes: Record<"live" | "parked" | "running", number>;
  };
  return health.processes;
}
