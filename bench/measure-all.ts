/** Measures one figure after the other. One that fails or takes too long is ended with all that it started. */

import { descendants } from "../test/harness/processes.ts";
import { expectedSeconds, type PlannedFigure } from "./figure.ts";
import { createPrograms } from "./programs.ts";
import type { Metric } from "./table.ts";

export interface MeasureOptions {
  runs: number;
  quick: boolean;
  /** Ms after which a figure that should take so many seconds is given up. */
  deadlineOf: (seconds: number) => number;
  onStart: (name: string, seconds: number) => void;
  onMetrics: (metrics: readonly Metric[]) => void;
  onFailure: (name: string, error: unknown) => void;
}

export interface Measured {
  metrics: Metric[];
  /** The names of the figures that gave none. */
  failed: string[];
}

export async function measureAll(
  figures: ReadonlyMap<string, PlannedFigure>,
  options: MeasureOptions,
): Promise<Measured> {
  const { runs, quick, deadlineOf, onStart, onMetrics, onFailure } = options;
  const metrics: Metric[] = [];
  const failed: string[] = [];
  for (const [name, figure] of figures) {
    const seconds = expectedSeconds(figure, runs, quick);
    onStart(name, seconds);
    try {
      const measured = await measure(figure, { runs, quick }, deadlineOf(seconds));
      metrics.push(...measured);
      onMetrics(measured);
    } catch (error) {
      failed.push(name);
      onFailure(name, error);
    }
  }
  return { metrics, failed };
}

async function measure(
  figure: PlannedFigure,
  options: { runs: number; quick: boolean },
  deadline: number,
): Promise<Metric[]> {
  await using programs = createPrograms();
  const work = figure.measure({ programs, ...options });
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took longer than ${Math.round(deadline / 1000)} s.`)), deadline);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
    endDescendants();
  }
}

/** Kills what this process started, and what that started. */
export function endDescendants(): void {
  for (const { pid } of descendants(process.pid)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
}
