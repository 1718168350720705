/** What the soak calls growth, and what it takes for noise. */

import { describe, expect, test } from "bun:test";
import { createRandom } from "../harness/random.ts";
import { trendOf } from "./trend.ts";

/** Fifty samples, whose neighbours resemble one another as those of a server's memory do. */
function series(seed: number, slope: number) {
  const random = createRandom(seed);
  let noise = 0;
  return Array.from({ length: 50 }, (_, x) => {
    noise = 0.6 * noise + (random.next() - 0.5) * 2;
    return { x, y: 80 + slope * x + noise };
  });
}

const seeds = Array.from({ length: 30 }, (_, seed) => seed);
const grows = (points: ReturnType<typeof series>) => {
  const { slope, noise } = trendOf(points);
  return Math.abs(slope) > noise;
};

describe("the trend of samples", () => {
  test("is noise where nothing grows, but for rare chance", () => {
    expect(seeds.filter((seed) => grows(series(seed, 0))).length).toBeLessThanOrEqual(1);
  });

  test("is seen when it amounts to the whole range of the noise", () => {
    expect(seeds.filter((seed) => !grows(series(seed, 0.1))).length).toBeLessThanOrEqual(1);
  });

  test("is not bent by an outlier", () => {
    const line = Array.from({ length: 20 }, (_, x) => ({ x: x * 10, y: 3 * x }));
    line[7]!.y = 1_000;
    const { slope, noise, level } = trendOf(line);
    expect(slope).toBeCloseTo(0.3, 5);
    expect(noise).toBeLessThan(0.1);
    expect(level).toBe(31.5);
  });

  test("of what stays as it is is nothing", () => {
    const flat = Array.from({ length: 20 }, (_, x) => ({ x, y: 9 }));
    expect(trendOf(flat)).toEqual({ slope: 0, noise: 0, level: 9 });
  });

  test("is not told from a handful of samples", () => {
    expect(() => trendOf(series(1, 0).slice(0, 9))).toThrow("9 samples tell no trend");
  });
});
