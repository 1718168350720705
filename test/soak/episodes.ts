/** What clients do: the mix of the soak, each with its share of all that is played. */

import type { ErrorScript, Script } from "../../src/demo/script.ts";
import type { Dialect } from "../dialects/dialect.ts";
import type { Random } from "../harness/random.ts";
import { heard } from "./model.ts";
import type { Talk } from "./talk.ts";
import type { Outcome } from "./turn.ts";

export interface Scene {
  random: Random;
  /** Begins a conversation of a dialect and a principal of chance, or in that dialect. */
  talk(dialect?: Dialect["name"]): Talk;
  /** Kills one process of the CLI, preferably one that is answering. */
  kill(): Promise<void>;
  /** Ends the waiting processes of a principal of chance. */
  endSessions(): Promise<void>;
}

export interface Episode {
  name: string;
  weight: number;
  play(scene: Scene): Promise<void>;
}

/** As clients get them: what is no status of its own is a bad gateway. A plan that is used up would refuse everybody. */
const refusals: Array<{ script: ErrorScript; as: Outcome }> = [
  { script: { status: 400 }, as: "400" },
  { script: { status: 403 }, as: "403" },
  { script: { status: 429, limits: null }, as: "429" },
  { script: { status: 500 }, as: "502" },
  { script: { status: 529 }, as: "529" },
];
const words = `You said ${heard}. One two three four five six seven eight.`;
const cut = (after: number): Script => ({ blocks: [words], paceMs: 2, fault: { kind: "cut", after } });
const failing = (after: number): Script => ({ blocks: [words], paceMs: 2, fault: { kind: "error", after } });
const stalled = (after: number): Script => ({ blocks: [words], paceMs: 2, fault: { kind: "stall", after } });

/** Turns until one fails or so many are done; whether all came. */
async function repeat(times: number, turn: () => Promise<boolean>): Promise<boolean> {
  for (let at = 0; at < times; at++) if (!(await turn())) return false;
  return true;
}

export const episodes: readonly Episode[] = [
  {
    name: "a question",
    weight: 2,
    play: async ({ talk }) => void (await talk().ask()),
  },
  {
    name: "a conversation",
    weight: 8,
    async play({ talk, random }) {
      await repeat(random.between(3, 9), talk().ask);
    },
  },
  {
    name: "a tool loop",
    weight: 8,
    async play({ talk, random }) {
      const own = talk();
      const count = () => random.pick([1, 1, 2, 3]);
      if (await repeat(random.between(2, 7), () => own.call(count()))) await repeat(random.between(1, 2), own.ask);
    },
  },
  {
    name: "results that never come",
    weight: 2,
    async play({ talk, random }) {
      await repeat(random.between(1, 2), () => talk().call(1));
    },
  },
  {
    name: "a client that leaves",
    weight: 4,
    async play({ talk, random }) {
      const own = talk();
      if (random.chance(0.5)) await own.ask();
      if (random.chance(0.2)) await own.leave({ ms: random.between(300, 900) }, stalled(random.between(0, 3)));
      else await own.leave(random.chance(0.5) ? { frames: random.between(1, 6) } : { ms: random.between(0, 900) });
      if (random.chance(0.5)) await own.ask();
    },
  },
  {
    name: "a client that leaves a tool loop",
    weight: 1,
    async play({ talk, random }) {
      const own = talk();
      if (!(await own.call(2))) return;
      await own.leave({ ms: random.between(0, 100) });
      await own.ask();
    },
  },
  {
    name: "an edited history",
    weight: 2,
    async play({ talk, random }) {
      const own = talk();
      if (!(await repeat(random.between(1, 3), own.ask))) return;
      own.edit();
      await repeat(2, own.ask);
    },
  },
  {
    name: "a regenerated answer",
    weight: 2,
    async play({ talk, random }) {
      const own = talk();
      if (!(await repeat(random.between(1, 3), own.ask))) return;
      own.regenerate();
      await repeat(2, own.ask);
    },
  },
  {
    name: "an error from upstream",
    weight: 2,
    async play({ talk, random }) {
      const own = talk();
      if (random.chance(0.5)) await own.ask();
      const { script, as } = random.pick(refusals);
      await own.fail(script, as);
      await own.ask();
    },
  },
  {
    name: "an answer cut off upstream",
    weight: 2,
    async play({ talk, random }) {
      const own = talk();
      if (random.chance(0.5)) await own.ask();
      const script = random.pick([cut(0), cut(4), failing(0), failing(4)]);
      await own.fail(script, "broken off", "502", "529");
      await own.ask();
    },
  },
  {
    name: "a message sent twice at once",
    weight: 1,
    async play({ talk, random }) {
      const own = talk();
      if (random.chance(0.5)) {
        if (await own.call(1)) await own.askTwice("409");
      } else if (await own.ask()) await own.askTwice();
      await own.ask();
    },
  },
  {
    name: "an answer in JSON",
    weight: 1,
    play: async ({ talk }) => void (await repeat(2, talk("chat").askJson)),
  },
  {
    name: "a killed process",
    weight: 3,
    async play({ talk, kill, random }) {
      const own = talk();
      const turn = () => (random.chance(0.3) ? own.call(1) : own.ask());
      if (!(await turn())) return;
      await kill();
      await turn();
    },
  },
  {
    name: "sessions ended",
    weight: 1,
    async play({ talk, endSessions }) {
      const own = talk();
      if (!(await own.call(1))) return;
      await endSessions();
      await repeat(2, own.ask);
    },
  },
];
