/** A warning that would else fill the log: told once a minute, with how often it came since. */

import type { Log } from "./ports.ts";

export type Seldom = (message: string, fields?: Record<string, unknown>) => void;

const minute = 60_000;

/** `now`: milliseconds of any origin. Each message has a minute of its own, so there should be few. */
export function createSeldom(log: Log, now: () => number): Seldom {
  const told = new Map<string, { at: number; missed: number }>();
  return (message, fields = {}) => {
    const last = told.get(message);
    if (last && now() - last.at < minute) {
      last.missed++;
      return;
    }
    told.set(message, { at: now(), missed: 0 });
    log.warn(message, { ...fields, ...(last && last.missed > 0 ? { timesSince: last.missed } : {}) });
  };
}
