/**
 * Bounds the rows of usage that a caller can cause at no cost: of the turns that no process answered (refused ones,
 * answers out of the cache, clients that left before) the first of each kind in an hour have a row, the rest is
 * added up.
 */

import type { CountedTurns, UsageRow } from "./store.ts";

export interface TurnCounter {
  /** True: the turn is to have a row. False: it has been added up. */
  admits(row: UsageRow): boolean;
  /** Returns the sums since the last time; they are the caller's from now on. */
  take(): CountedTurns[];
  /** Takes back what could not be written. */
  putBack(turns: readonly CountedTurns[]): void;
  /** How many turns were given up, because too many kinds of them waited. */
  readonly lost: number;
}

export interface TurnCounterOptions {
  /** Rows in an hour of one principal and outcome, and of all together. */
  each?: number;
  all?: number;
  /** How many sums may wait to be taken. */
  capacity?: number;
  /** The name under which a model is counted: clients may make up any. */
  modelName: (model: string) => string;
}

const anHour = 3_600_000;

export function createTurnCounter(options: TurnCounterOptions): TurnCounter {
  const { each = 50, all = 1_000, capacity = 10_000, modelName } = options;
  let current = { hour: Number.NaN, all: 0, byKind: new Map<string, number>() };
  let sums = new Map<string, CountedTurns>();
  let lost = 0;

  const admitsOneMore = (row: UsageRow): boolean => {
    const start = row.at - (row.at % anHour);
    if (start !== current.hour) current = { hour: start, all: 0, byKind: new Map() };
    const kind = JSON.stringify([row.principalId, row.outcome, row.cache]);
    const count = current.byKind.get(kind) ?? 0;
    if (count >= each || current.all >= all) return false;
    current.byKind.set(kind, count + 1);
    current.all++;
    return true;
  };

  const add = (turns: CountedTurns) => {
    const { hour, principalId, model, outcome, cache } = turns;
    const key = JSON.stringify([hour, principalId, model, outcome, cache]);
    const sum = sums.get(key);
    if (sum) merge(sum, turns);
    else if (sums.size < capacity) sums.set(key, { ...turns });
    else lost += turns.requests;
  };

  return {
    admits(row) {
      if (row.path !== null || row.charged.requests > 0 || row.charged.tokens > 0 || admitsOneMore(row)) return true;
      const ms = row.outcome === "ok" ? row.totalMs : 0;
      add({
        hour: row.at - (row.at % anHour),
        principalId: row.principalId,
        name: row.name,
        model: modelName(row.model),
        outcome: row.outcome,
        cache: row.cache,
        first: row.at,
        last: row.at,
        requests: 1,
        promptChars: row.promptChars,
        answerChars: row.answerChars,
        totalMs: ms,
        maxMs: ms,
      });
      return false;
    },
    take() {
      const taken = [...sums.values()];
      sums = new Map();
      return taken;
    },
    putBack(turns) {
      for (const one of turns) add(one);
    },
    get lost() {
      return lost;
    },
  };
}

function merge(sum: CountedTurns, more: CountedTurns): void {
  sum.name = more.name;
  sum.first = Math.min(sum.first, more.first);
  sum.last = Math.max(sum.last, more.last);
  sum.requests += more.requests;
  sum.promptChars += more.promptChars;
  sum.answerChars += more.answerChars;
  sum.totalMs += more.totalMs;
  sum.maxMs = Math.max(sum.maxMs, more.maxMs);
}
