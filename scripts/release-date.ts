/** Dates a list of releases. Machines refuse a list that is older than the one before, and one from the future. */

const day = 24 * 60 * 60 * 1000;

/**
 * Returns ISO 8601, later than `before` even where the clock went back. A list before from the far future was made by a
 * wrong clock and accepted by nobody, so it sets no bound. `now`: epoch ms.
 */
export function dateAfter(before: Date, now: number): { date: string; warning: string | null } {
  if (before.getTime() > now + day) {
    const warning = `The list that is there says ${before.toISOString()}, which is the future. The new one says now: is the clock right?`;
    return { date: new Date(now).toISOString(), warning };
  }
  return { date: new Date(Math.max(now, before.getTime() + 1)).toISOString(), warning: null };
}
