/** Plays episodes side by side, as fast as the server answers, and stops now and then to look at it at rest. */

import { dialects } from "../dialects/say.ts";
import type { Ocp } from "../harness/ocp.ts";
import { createRandom } from "../harness/random.ts";
import { episodes, type Scene } from "./episodes.ts";
import { createGate } from "./gate.ts";
import type { Ledger } from "./ledger.ts";
import { processesOf } from "./look.ts";
import { endSessions, principals, running } from "./served.ts";
import { createTalk, type Take } from "./talk.ts";
import { takeTurn } from "./turn.ts";

export interface TrafficOptions {
  /** At least so many: the episodes that run then are played to their end. */
  turns: number;
  /** Decides what is played; what meets what is up to the machine. */
  seed: number;
  /** Episodes at the same time. */
  inFlight: number;
  /** Turns between two looks at the server at rest. */
  every: number;
  /** Ends it early. */
  signal: AbortSignal;
}

/** More tell nothing new. */
const mostWrong = 20;

/**
 * Plays episodes until there were enough turns, or too many ended as none should. `sample` is called now and then while
 * no turn is running; it says whether it makes sense to go on.
 */
export async function playAll(
  ocp: Ocp,
  ledger: Ledger,
  options: TrafficOptions,
  sample: () => Promise<boolean>,
): Promise<void> {
  const { turns, seed, inFlight, every, signal } = options;
  const gate = createGate();
  let nextSample = every;
  let stopped = false;
  const takeFor = (episode: string): Take => {
    return async (asking, expected) => {
      const { outcome, content } = await gate.beside(async () => {
        const since = performance.now();
        const ended = await takeTurn(ocp.url, asking, signal);
        // What the end of the run cuts off tells nothing.
        return signal.aborted ? ended : { ...ended, outcome: ledger.book(episode, ended, expected, since) };
      });
      if (ledger.turns >= nextSample) {
        nextSample += every;
        stopped ||= !(await gate.alone(sample));
      }
      return { outcome, message: { role: "assistant", content } };
    };
  };

  const play = async (number: number) => {
    // Of its own for each episode, so that it does not depend on what runs beside it.
    const random = createRandom(seed * 1_000_003 + number);
    const { name, play } = random.weighted(episodes);
    let talks = 0;
    const scene: Scene = {
      random,
      talk: (wanted) =>
        createTalk({
          number: number * 10 + talks++,
          dialect: dialects.find((dialect) => dialect.name === wanted) ?? random.pick(dialects),
          model: random.pick(["sonnet", "sonnet", "haiku"]),
          headers: random.pick(principals),
          random,
          take: takeFor(name),
        }),
      async kill() {
        const answering = random.chance(0.6) ? await running(ocp) : [];
        kill(random.pick(answering.length > 0 ? answering : processesOf(ocp)), ledger);
      },
      endSessions: () => endSessions(ocp),
    };
    await play(scene);
  };

  let played = 0;
  const worker = async () => {
    while (ledger.turns < turns && ledger.wrong <= mostWrong && !stopped && !signal.aborted) await play(++played);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** `pid`: undefined when there is no process. */
function kill(pid: number | undefined, ledger: Ledger): void {
  if (pid === undefined) return;
  ledger.kill();
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
