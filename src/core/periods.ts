/** The calendar of quotas and usage: days, weeks from Monday and months, all in UTC. */

export const periods = ["daily", "weekly", "monthly"] as const;
export type Period = (typeof periods)[number];

const day = 86_400_000;

/** Epoch ms of the beginning of the UTC day that `at` lies in. */
export function dayOf(at: number): number {
  return Math.floor(at / day) * day;
}

/** The period that `at` lies in, from `start` on and before `end`. All epoch ms. */
export function periodOf(period: Period, at: number): { start: number; end: number } {
  const today = dayOf(at);
  switch (period) {
    case "daily":
      return { start: today, end: today + day };
    case "weekly": {
      const sinceMonday = (new Date(today).getUTCDay() + 6) % 7;
      const start = today - sinceMonday * day;
      return { start, end: start + 7 * day };
    }
    case "monthly": {
      const date = new Date(today);
      const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
      return { start: Date.UTC(year, month, 1), end: Date.UTC(year, month + 1, 1) };
    }
  }
}

/** One value for each period. */
export function eachPeriod<T>(make: (period: Period) => T): Record<Period, T> {
  return { daily: make("daily"), weekly: make("weekly"), monthly: make("monthly") };
}
