/** `ocp keys`. */

import { columns, exitCodes, type Host, write } from "../output.ts";
import { connectRemote } from "../remote.ts";
import { keyList } from "../shapes.ts";
import type { Args } from "./fields.ts";

interface Key {
  id: number;
  name: string;
  keyPreview: string;
  created_at: string;
  expires_at: string | null;
  revoked: boolean;
  quota_daily: number | null;
  quota_weekly: number | null;
  quota_monthly: number | null;
  quota_tokens_daily: number | null;
  quota_tokens_weekly: number | null;
  quota_tokens_monthly: number | null;
  used: Record<"daily" | "weekly" | "monthly", { requests: number; tokens: number }>;
}

export async function listKeys(args: Args, host: Host, now: () => number = Date.now): Promise<number> {
  const { keys } = await connectRemote(args, host).request<{ keys: Key[] }>("GET", "/api/keys", keyList);
  const shown = args.all === true ? keys : keys.filter((key) => !key.revoked);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(shown, null, 2)}\n` : table(shown, now()));
  const hidden = keys.length - shown.length;
  if (shown.length === 0) await write(host, host.stderr, "There is no key. `ocp keys add NAME` creates one.\n");
  if (hidden > 0) await write(host, host.stderr, `${hidden} revoked, which --all shows.\n`);
  return exitCodes.ok;
}

/** What was used of what is allowed. Of tokens, only where a key has a limit. */
const budgets: Array<{ head: string; cell: (key: Key) => [number, number | null]; optional?: true }> = [
  { head: "TODAY", cell: (key) => [key.used.daily.requests, key.quota_daily] },
  { head: "WEEK", cell: (key) => [key.used.weekly.requests, key.quota_weekly] },
  { head: "MONTH", cell: (key) => [key.used.monthly.requests, key.quota_monthly] },
  { head: "TOKENS TODAY", cell: (key) => [key.used.daily.tokens, key.quota_tokens_daily], optional: true },
  { head: "TOKENS WEEK", cell: (key) => [key.used.weekly.tokens, key.quota_tokens_weekly], optional: true },
  { head: "TOKENS MONTH", cell: (key) => [key.used.monthly.tokens, key.quota_tokens_monthly], optional: true },
];

function table(keys: readonly Key[], now: number): string {
  if (keys.length === 0) return "";
  const shown = budgets.filter(({ cell, optional }) => !optional || keys.some((key) => cell(key)[1] !== null));
  return columns([
    ["ID", "NAME", "KEY", "STATE", "EXPIRES", ...shown.map(({ head }) => head)],
    ...keys.map((key) => [
      String(key.id),
      key.name,
      key.keyPreview,
      stateOf(key, now),
      key.expires_at?.slice(0, 10) ?? "never",
      ...shown.map(({ cell }) => {
        const [used, limit] = cell(key);
        return limit === null ? String(used) : `${used}/${limit}`;
      }),
    ]),
  ]);
}

function stateOf({ revoked, expires_at }: Key, now: number): string {
  if (revoked) return "revoked";
  return expires_at !== null && Date.parse(expires_at) <= now ? "expired" : "active";
}
