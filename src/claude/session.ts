/** A process with what it holds: the unit that lives from turn to turn. It belongs to one principal for its whole life. */

import { type Bridge, createBridge } from "./bridge.ts";
import type { Holder } from "./conversations.ts";
import { type Dials, type EffortLevel, type StartDials, untouched } from "./dials.ts";
import type { Lineage } from "./lineage.ts";
import type { ClaudeProcess } from "./process.ts";

/** `settling`: its answer has ended, but the CLI has not said yet that it is ready. */
export type SessionState = "running" | "settling" | "idle" | "parked";

export interface Session extends Holder {
  /** The conversation that it holds. */
  readonly lineage: Lineage;
  readonly process: ClaudeProcess;
  readonly bridge: Bridge;
  readonly model: string;
  /** The token that it was started with; null: it runs in the owner's home. */
  readonly token: string | null;
  /** The token of the login that it uses; null: it may be another one by then, since the CLI may refresh it. */
  readonly login: string | null;
  dials: Dials;
  /** How hard it thinks of itself; undefined: as the CLI chooses. */
  effort: EffortLevel | undefined;
  /** Its model's own, as the CLI tells it; null: not known. */
  defaultEffort: string | null;
  /** Whether its model has an effort at all. */
  hasEffort: boolean;
  /** How many tokens it may think; null: as the CLI chooses. */
  budget: number | null;
  /** The dials at its start; null: not known (yet). Without it nothing can be put back as it was. */
  start: StartDials | null;
  /** Of this process. */
  turns: number;
  /** Resolves when it takes the next message; rejects when it is of no more use. */
  ready: Promise<void>;
  /** When the API began the message that the CLI has not ended yet, epoch ms; null: there is none. */
  answeredAt: number | null;
}

export interface NewSession extends Pick<Session, "lineage" | "process" | "principalId" | "model" | "token" | "login"> {
  /** Epoch ms. */
  now: number;
}

/** One that was told nothing yet; the tools of its process are served from here on. */
export function createSession({ now, ...given }: NewSession): Session {
  const bridge = createBridge();
  given.process.host(bridge);
  return {
    ...given,
    bridge,
    dials: untouched,
    effort: undefined,
    defaultEffort: null,
    hasEffort: true,
    budget: null,
    start: null,
    state: "running",
    held: null,
    turns: 0,
    awaited: new Set(),
    hints: [],
    points: [],
    ready: Promise.resolve(),
    usedAt: now,
    answeredAt: null,
  };
}
