/** `ocp usage`: what of the plan is used, and with `--by-key` who has used it. */

import type { Host } from "./output.ts";
import { printUsageByKey } from "./usage-by-key.ts";

export function usage(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  return printUsageByKey(args, host);
}
