/** What every figure of the benchmark is given and gives. */

import type { Programs } from "./programs.ts";
import type { Metric } from "./table.ts";

export interface Bench {
  programs: Programs;
  /** Samples of each contender where they alternate. */
  runs: number;
  /** Shorter windows and fewer samples: shows that it works, measures little. */
  quick: boolean;
}

export type Figure = (bench: Bench) => Promise<Metric[]>;

/** A figure with the time that it takes on two quiet cores. */
export interface PlannedFigure {
  measure: Figure;
  /** Seconds whatever the number of runs, and for each run. */
  seconds: { base: number; quick: number; each?: number };
}

/** Seconds that a figure takes with so many runs. */
export function expectedSeconds({ seconds }: PlannedFigure, runs: number, quick: boolean): number {
  return (quick ? seconds.quick : seconds.base) + (seconds.each ?? 0) * runs;
}

/** Ms after which a figure is given up: four times what it takes on quiet cores, and a minute. */
export function deadlineOf(seconds: number): number {
  return (4 * seconds + 60) * 1000;
}
