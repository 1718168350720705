/** `ocp usage --by-key`: requests, times and tokens of each key. */

import { columns, exitCodes, type Host, usageError, write } from "./output.ts";
import { connectRemote } from "./remote.ts";
import { usageByKey } from "./shapes.ts";

interface Usage {
  byKey: Row[];
  scope: { self: string; all: boolean };
}

interface Row {
  key_name: string;
  requests: number;
  successes: number;
  errors: number;
  cached: number;
  /** Ms. */
  avg_elapsed_ms: number;
  tokens: { input: number; cache_read: number; cache_write: number; output: number };
}

export async function printUsageByKey(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const hours = typeof args.hours === "string" ? args.hours : "24";
  if (!/^\d{1,3}$/.test(hours) || Number(hours) < 1 || Number(hours) > 720) {
    throw usageError(`--hours is ${JSON.stringify(hours)}. It must be a whole number from 1 to 720.`);
  }
  const path = `/api/usage?hours=${hours}&limit=1${args.all === true ? "&all=true" : ""}`;
  const { byKey, scope } = await connectRemote(args, host).request<Usage>("GET", path, usageByKey);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(byKey, null, 2)}\n` : table(byKey));
  const nobody = byKey.length === 0 ? "Nothing was asked in this time. " : "";
  const whose = scope.all ? "" : `This is the usage of ${scope.self}; --all shows everybody's.`;
  if (nobody + whose !== "") await write(host, host.stderr, `${(nobody + whose).trim()}\n`);
  return exitCodes.ok;
}

function table(rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  return columns([
    ["KEY", "REQS", "OK", "ERR", "CACHED", "AVG TIME", "TOKENS IN", "OUT"],
    ...rows.map(({ key_name, requests, successes, errors, cached, avg_elapsed_ms, tokens }) => [
      key_name,
      ...[requests, successes, errors, cached].map(String),
      `${(avg_elapsed_ms / 1000).toFixed(1)} s`,
      String(tokens.input + tokens.cache_read + tokens.cache_write),
      String(tokens.output),
    ]),
  ]);
}
