/** The flags of a key's limits. */

import type { ArgsDef } from "citty";

/** The flags of limits, with the period and the unit that each stands for. */
export const limitFlags = (["daily", "weekly", "monthly"] as const).flatMap((period) => [
  { flag: period, period, unit: "requests" as const },
  { flag: `${period}-tokens`, period, unit: "tokens" as const },
]);

const spans = { daily: "day", weekly: "week, from Monday", monthly: "month" };
export const limitArgs: ArgsDef = Object.fromEntries(
  limitFlags.map(({ flag, period, unit }) => [
    flag,
    {
      type: "string",
      valueHint: "number|none",
      description: `How many ${unit} a ${spans[period]} (UTC); 0 blocks it.`,
    },
  ]),
);
