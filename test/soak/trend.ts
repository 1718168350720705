/**
 * Whether a series of samples grows: its slope after Theil and Sen, which outliers do not bend, and how far that slope
 * strays by chance, from resampling what the line leaves over in blocks, since neighbours resemble one another.
 */

import { percentile } from "../../bench/measure.ts";
import { createRandom } from "../harness/random.ts";

export interface Point {
  x: number;
  y: number;
}

export interface Trend {
  /** Of y by x. */
  slope: number;
  /** A slope that is no larger than this may be chance. */
  noise: number;
  /** The median of y. */
  level: number;
}

const replicates = 200;
/**
 * Standard deviations of the resampled slopes that are taken for noise. Fewer would do for independent samples; where
 * neighbours correlate by 0.6, four still raise a false alarm in 3 of 100 flat series of fifty samples.
 */
const deviations = 4;

/** Throws when there are fewer than ten points: nothing can be said then. */
export function trendOf(points: readonly Point[]): Trend {
  if (points.length < 10) throw new Error(`${points.length} samples tell no trend.`);
  const random = createRandom(points.length);
  const slope = theilSen(points);
  const rest = points.map(({ x, y }) => y - slope * x);
  const block = Math.ceil(Math.sqrt(points.length));
  const strays = Array.from({ length: replicates }, () => {
    const resampled: number[] = [];
    while (resampled.length < points.length) {
      const from = random.between(0, points.length - block);
      resampled.push(...rest.slice(from, from + block));
    }
    return theilSen(points.map(({ x }, at) => ({ x, y: resampled[at]! })));
  });
  return { slope, noise: deviations * deviationOf(strays), level: median(points.map(({ y }) => y)) };
}

/** The median of the slopes between any two points of different x. */
function theilSen(points: readonly Point[]): number {
  const slopes: number[] = [];
  for (const [at, a] of points.entries()) {
    for (const b of points.slice(at + 1)) if (b.x !== a.x) slopes.push((b.y - a.y) / (b.x - a.x));
  }
  return median(slopes);
}

const median = (values: readonly number[]) => percentile(values, 50);

function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
