/** What is known of the plan as JSON: the keys that existing clients read, and how old each figure is. */

import {
  familyOf,
  type PlanStatus,
  type PlanWindow,
  percentText,
  resetDate,
  resetsIn,
  whyUnknown,
} from "../core/plan.ts";

/**
 * `now`: epoch ms. Where nothing is known, numbers and dates are null and texts say "unknown": never 0.
 * `dateText` writes a date for people; the usual one needs the machine's time zone, which takes 4 ms to load.
 */
export function viewPlan(plan: PlanStatus, now: number, dateText: typeof resetDate = resetDate) {
  const { extraUsage } = plan;
  return {
    ...viewLimits(plan, now, dateText),
    extraUsage: {
      status: extraUsage.state,
      ...(extraUsage.disabledReason === null ? {} : { disabledReason: extraUsage.disabledReason }),
      inUse: extraUsage.inUse,
    },
    representativeClaim: plan.claim,
    /** The CLI does not pass it on. */
    fallbackPercentage: null,
    subscription: plan.subscription,
    windows: plan.windows.map((window) => ({
      name: window.name,
      status: window.state,
      ...viewWindow(window, now, dateText),
      ...viewAge(window, now),
    })),
    refusals: plan.refusals.map(({ window, resetsAt, models }) => ({
      window,
      models,
      resetsIn: resetsIn(resetsAt, now),
      resetsAt: new Date(resetsAt).toISOString(),
    })),
  };
}

/** What everybody with a key may see: how much is used, and when it starts anew. */
export function viewLimits(plan: PlanStatus, now: number, dateText: typeof resetDate = resetDate) {
  const { windows } = plan;
  const named = (name: string) => windows.find((window) => window.name === name);
  const families = windows.flatMap((window) => {
    const family = familyOf(window.name);
    return family === null ? [] : [[family, viewWindow(window, now, dateText)] as const];
  });
  return {
    currentSession: viewWindow(named("five_hour"), now, dateText),
    weeklyLimits: { allModels: viewWindow(named("seven_day"), now, dateText), ...Object.fromEntries(families) },
    /** Why something is unknown, for people; null where the session's share is known. */
    note: whyUnknown(plan),
  };
}

/** When the figures were told, in ms since; both null where none was. */
export function viewAge({ at, source }: Pick<PlanStatus, "at" | "source">, now: number) {
  return {
    fetchedAt: at === null ? null : new Date(at).toISOString(),
    age: at === null ? null : Math.max(0, now - at),
    source,
  };
}

function viewWindow(window: PlanWindow | undefined, now: number, dateText: typeof resetDate) {
  const { utilization, resetsAt } = window ?? { utilization: null, resetsAt: null };
  return {
    utilization,
    percent: percentText(utilization),
    resetsIn: resetsIn(resetsAt, now),
    resetsAt: resetsAt === null ? null : new Date(resetsAt).toISOString(),
    resetsAtHuman: dateText(resetsAt),
  };
}
