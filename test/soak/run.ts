/** The soak: the server, the real CLI and the simulated API under mixed traffic, looked at whenever it is at rest. */

import { startSimulator } from "../../src/demo/simulator.ts";
import { user } from "../claude/engine.ts";
import { dialects, say } from "../dialects/say.ts";
import type { Target } from "../harness/ocp.ts";
import { createLedger, type Ledger, type Row } from "./ledger.ts";
import { type Holding, look, processesOf } from "./look.ts";
import { scenario } from "./model.ts";
import * as served from "./served.ts";
import { playAll, type TrafficOptions } from "./traffic.ts";

export interface SoakOptions extends TrafficOptions {
  target: Target;
  onSample?: (sample: Sample) => void;
}

/** What the server held when no turn was running, after so many turns. */
export interface Sample extends Holding {
  turns: number;
}

export interface SoakResult {
  turns: number;
  ms: number;
  kills: number;
  rows: Row[];
  /** Turns by the kind of process that answered, as the server counts them. */
  paths: Record<string, number>;
  samples: Sample[];
  /** The most processes that were seen at any moment. */
  mostProcesses: number;
  /** A sentence on each thing that was not as it must be. */
  problems: string[];
}

const watchMs = 100;
/** Characters of the server's log that are shown when it fails. */
const lastWords = 2_000;

/** Rejects when the server cannot be started, or fails so that nothing can be said. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  await using simulator = startSimulator({ scenario, keep: 1 });
  // An episode may have two requests under way.
  await using ocp = await served.startServed(options.target, simulator, 2 * options.inFlight);
  const begun = performance.now();
  const ledger = createLedger();
  const problems: string[] = [];
  let mostProcesses = 0;
  const watching = setInterval(() => {
    mostProcesses = Math.max(mostProcesses, processesOf(ocp).length);
  }, watchMs);
  try {
    await say(ocp.url, dialects[0]!, { messages: [user("Hello.")], stream: false });
    await served.clear(ocp);
    const before = look(ocp);
    const samples = [{ turns: 0, ...before }];
    await playAll(ocp, ledger, options, async () => {
      const wrong = await served.comeToRest(ocp);
      if (wrong !== null) problems.push(`After ${ledger.turns} turns: ${wrong}`);
      samples.push({ turns: ledger.turns, ...look(ocp) });
      options.onSample?.(samples.at(-1)!);
      return wrong === null;
    });
    const { aborted, reason } = options.signal;
    if (aborted) problems.push(`The run was ended after ${ledger.turns} turns: ${reason}`);
    const paths = await served.turnsByPath(ocp);
    await served.clear(ocp).catch((error) => problems.push(String(error)));
    problems.push(...(await served.remainders(ocp, before)), ...(await served.goodbye(ocp)), ...complaintsOf(ledger));
    if (mostProcesses > served.mostProcesses) problems.push(`${mostProcesses} processes ran at the same time.`);
    const { turns, kills, rows } = ledger;
    return { turns, ms: performance.now() - begun, kills, rows, paths, samples, mostProcesses, problems };
  } catch (cause) {
    throw new Error(`The server is of no more use: ${cause}\n${ocp.stderr().slice(-lastWords)}`, { cause });
  } finally {
    clearInterval(watching);
  }
}

function complaintsOf({ rows, kills, wrong, complaints }: Ledger): string[] {
  const lost = rows.reduce((sum, { outcomes }) => sum + (outcomes["lost to a kill"] ?? 0), 0);
  return [
    ...complaints,
    ...(wrong > complaints.length ? [`${wrong} turns ended as none should; these are the first of them.`] : []),
    ...(lost > kills ? [`${kills} kills cost ${lost} turns.`] : []),
  ];
}
