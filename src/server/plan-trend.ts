/** Keeps how much of the plan was used when: after each turn that changed it, and not more than once a minute. */

import type { PlanStatus } from "../core/plan.ts";
import type { PlanSample, PlanSamples } from "../core/store.ts";

export interface PlanTrend {
  /** To be called after a turn. Throws nothing. */
  look(): void;
}

export interface PlanTrendOptions {
  plan: () => Promise<PlanStatus>;
  samples: PlanSamples;
  /** Epoch ms. */
  clock: () => number;
  /** Told when it could not be kept. */
  warn: (error: unknown) => void;
}

const soonest = 60_000;
const kept = 35 * 24 * 3_600_000;

export function createPlanTrend({ plan, samples, clock, warn }: PlanTrendOptions): PlanTrend {
  let last: PlanSample = { at: 0, session: null, week: null };
  let looking = false;

  async function sample(): Promise<void> {
    const { windows } = await plan();
    const used = (name: string) => windows.find((window) => window.name === name)?.utilization ?? null;
    const next = { at: clock(), session: used("five_hour"), week: used("seven_day") };
    if (next.session === null && next.week === null) return;
    if (next.session === last.session && next.week === last.week) return;
    samples.add(next);
    samples.prune(next.at - kept);
    last = next;
  }

  return {
    look() {
      if (looking || clock() - last.at < soonest) return;
      looking = true;
      sample()
        .catch(warn)
        .finally(() => {
          looking = false;
        });
    },
  };
}
