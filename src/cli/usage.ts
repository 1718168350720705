/** `ocp usage`: how much of the plan is used, and with `--by-key` who has used it. */

import type { Host } from "./output.ts";
import { printPlanUsage } from "./plan-usage.ts";
import { printUsageByKey } from "./usage-by-key.ts";

/** `--hours` and `--all` are about keys too. */
export function usage(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const byKey = args["by-key"] === true || args.all === true || args.hours !== undefined;
  return byKey ? printUsageByKey(args, host) : printPlanUsage(args, host);
}
