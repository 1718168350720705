/** Samples and what is said of them: medians, not means, since a busy machine makes outliers to one side only. */

export interface Summary {
  n: number;
  median: number;
  min: number;
  max: number;
}

/** Throws when there is no sample: a figure that measured nothing must not look like one. */
export function summarize(samples: readonly number[]): Summary {
  return {
    n: samples.length,
    median: percentile(samples, 50),
    min: percentile(samples, 0),
    max: percentile(samples, 100),
  };
}

/** `percent` from 0 to 100, interpolated between the two nearest samples. Throws when there is none. */
export function percentile(samples: readonly number[], percent: number): number {
  if (samples.length === 0) throw new Error("There are no samples.");
  const sorted = [...samples].sort((a, b) => a - b);
  const place = (percent / 100) * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  const above = sorted[Math.ceil(place)]!;
  return below + (above - below) * (place - Math.floor(place));
}

/** The ms that `action` takes. */
export async function timed(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/**
 * Runs each contender once a round, so that what else the machine does meets all of them alike; each round begins
 * with another one. The samples come back in the order of the contenders.
 */
export async function alternate<Sample>(
  rounds: number,
  contenders: ReadonlyArray<(round: number) => Promise<Sample>>,
  between: () => Promise<unknown>,
): Promise<Sample[][]> {
  const samples: Sample[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const which = (round + turn) % contenders.length;
      await between();
      samples[which]!.push(await contenders[which]!(round));
    }
  }
  return samples;
}
