/** Whose turn it is among principals that wait: who has the least running, and of those who has waited the longest for one. */

export interface Fairness {
  started(principalId: string): void;
  ended(principalId: string): void;
  runningOf(principalId: string): number;
  /** Of equals the first; undefined when there is none. */
  next(waiting: Iterable<string>): string | undefined;
}

/** How many principals are remembered, the last ones that started something. */
const remembered = 1_000;

export function createFairness(): Fairness {
  const running = new Map<string, number>();
  /** When each started something the last time, by a count of all starts. */
  const starts = new Map<string, number>();
  let count = 0;

  const runningOf = (id: string) => running.get(id) ?? 0;
  const lastStartOf = (id: string) => starts.get(id) ?? 0;

  return {
    started(id) {
      running.set(id, runningOf(id) + 1);
      starts.delete(id);
      starts.set(id, ++count);
      const [oldest] = starts.keys();
      if (starts.size > remembered && oldest !== undefined) starts.delete(oldest);
    },
    ended(id) {
      const left = runningOf(id) - 1;
      if (left > 0) running.set(id, left);
      else running.delete(id);
    },
    runningOf,
    next(waiting) {
      let best: string | undefined;
      for (const id of waiting) {
        if (best === undefined) best = id;
        else if ((runningOf(id) - runningOf(best) || lastStartOf(id) - lastStartOf(best)) < 0) best = id;
      }
      return best;
    },
  };
}
