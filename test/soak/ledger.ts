/** Counts how turns ended, by what was played, and keeps what should not have been. */

import type { Ended, Outcome } from "./turn.ts";

export interface Row {
  episode: string;
  turns: number;
  outcomes: Partial<Record<Outcome, number>>;
}

export interface Ledger {
  readonly turns: number;
  readonly rows: Row[];
  /** Sentences on the first of the turns that ended as none should; the number of all of them is in `wrong`. */
  readonly complaints: string[];
  readonly wrong: number;
  /** Of a process that is killed now. */
  kill(): void;
  readonly kills: number;
  /** Books a turn that began at `since` (performance.now) and ends now, and returns it with its final outcome. */
  book(episode: string, ended: Ended, expected: readonly Outcome[], since: number): Outcome;
}

const complaintsKept = 20;
/** Characters. */
const detailKept = 800;
/** What the client of a killed process may get. */
const losses: readonly Outcome[] = ["502", "broken off"];

export function createLedger(now: () => number = () => performance.now()): Ledger {
  const rows = new Map<string, Row>();
  const complaints: string[] = [];
  const killed: number[] = [];
  let turns = 0;
  let wrong = 0;

  return {
    get turns() {
      return turns;
    },
    get rows() {
      return [...rows.values()];
    },
    complaints,
    get wrong() {
      return wrong;
    },
    kill: () => void killed.push(now()),
    get kills() {
      return killed.length;
    },
    book(episode, { outcome: seen, detail }, expected, since) {
      const isLoss = !expected.includes(seen) && losses.includes(seen) && killed.some((at) => at >= since);
      const outcome = isLoss ? "lost to a kill" : seen;
      const row = rows.get(episode) ?? { episode, turns: 0, outcomes: {} };
      rows.set(episode, row);
      turns++;
      row.turns++;
      row.outcomes[outcome] = (row.outcomes[outcome] ?? 0) + 1;
      if (!isLoss && !expected.includes(outcome) && ++wrong <= complaintsKept) {
        complaints.push(`${episode}: ${outcome} instead of ${expected.join(" or ")}; ${detail.slice(0, detailKept)}`);
      }
      return outcome;
    },
  };
}
