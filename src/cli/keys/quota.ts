/** `ocp keys quota`. */

import { columns, exitCodes, type Host, write } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { changedBudgets, keyBudgets } from "../shapes.ts";
import { type Args, limitsOf, pathOf } from "./fields.ts";

type Budget = Record<"daily" | "weekly" | "monthly", { limit: number | null; used: number }>;
type Quota = Budget & { tokens: Budget };

export async function keyQuota(args: Args, host: Host): Promise<number> {
  const limits = limitsOf(args);
  const remote = connectRemote(args, host);
  const path = pathOf(args, "/quota");
  const changes = Object.keys(limits).length > 0;
  const quota = changes
    ? (await remote.request<{ quota: Quota }>("PATCH", path, changedBudgets, limits)).quota
    : await remote.request<Quota>("GET", path, keyBudgets);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(quota, null, 2)}\n` : table(quota));
  return exitCodes.ok;
}

function table(quota: Quota): string {
  const row = (name: string, period: keyof Budget) => {
    const [requests, tokens] = [quota[period], quota.tokens[period]];
    return [
      name,
      ...[requests, tokens].flatMap(({ used, limit }) => [String(used), limit === null ? "none" : String(limit)]),
    ];
  };
  return columns([
    ["PERIOD", "REQUESTS", "LIMIT", "TOKENS", "LIMIT"],
    row("day", "daily"),
    row("week", "weekly"),
    row("month", "monthly"),
  ]);
}
