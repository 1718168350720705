/** The parts of a stretch of time: whole hours, whose sums are there, and what is left of an hour at either end. */

/** In ms. */
export const hour = 3_600_000;

/** Epoch ms; `since` inclusive, `until` exclusive; a part with neither is empty. */
export interface Stretch {
  since: number;
  until: number;
}

export interface Span {
  hours: Stretch;
  head: Stretch;
  tail: Stretch;
}

/** Of an hour before `prunedBefore` the single rows are gone: it counts whole, however little of it is wanted. */
export function spanOf({ since, until }: Stretch, prunedBefore: number): Span {
  if (until <= since) return { hours: nothing, head: nothing, tail: nothing };
  const first = since < prunedBefore ? floor(since) : ceil(since);
  const end = until <= prunedBefore ? ceil(until) : floor(until);
  if (first >= end) return { hours: nothing, head: { since, until }, tail: nothing };
  return {
    hours: { since: first, until: end },
    head: { since, until: first },
    tail: { since: end, until },
  };
}

const nothing: Stretch = { since: 0, until: 0 };

function floor(at: number): number {
  return Math.floor(at / hour) * hour;
}

function ceil(at: number): number {
  return Math.ceil(at / hour) * hour;
}
