/** `ocp cache`: what a server's response cache holds, and its end. */

import type { CacheStats } from "../core/cached-answer.ts";
import { columns, exitCodes, type Host, usageError, write } from "./output.ts";
import { connectRemote } from "./remote.ts";
import { cacheStats, cleared } from "./shapes.ts";
import { didYouMean, seeHelp } from "./strict.ts";

type Arguments = Readonly<Record<string, unknown>>;

export async function cache(args: Arguments, host: Host): Promise<number> {
  if (args.action !== undefined && args.action !== "clear") {
    const { action } = args;
    const hint = didYouMean(String(action), ["clear"]);
    throw usageError(`\`ocp cache\` does not know ${JSON.stringify(action)}.${hint} ${seeHelp("ocp cache")}`);
  }
  const remote = connectRemote(args, host);
  const show = (text: string, value: object) =>
    write(host, host.stdout, args.json === true ? `${JSON.stringify(value, null, 2)}\n` : text);

  if (args.action === "clear") {
    const answer = await remote.request<{ cleared: number }>("DELETE", "/cache", cleared);
    await show(`${count(answer.cleared, "answer")} forgotten.\n`, answer);
  } else {
    const stats = await remote.request<CacheStats>("GET", "/cache/stats", cacheStats);
    await show(page(stats), stats);
  }
  return exitCodes.ok;
}

function page(stats: CacheStats): string {
  const { entries, totalHits, sizeBytes, inflight, requesters, ttl, maxBytes } = stats;
  const state = ttl === 0 ? "off; CLAUDE_CACHE_TTL turns it on" : `on, for ${duration(ttl)} an answer`;
  return columns([
    ["cache", state],
    ["kept", `${count(entries, "answer")}, ${size(sizeBytes)} of ${size(maxBytes)}`],
    ["given again", count(totalHits, "time")],
    ["being made", `${count(inflight, "answer")} for ${count(requesters, "request")}`],
  ]);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function size(bytes: number): string {
  if (bytes < 1024) return count(bytes, "byte");
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** In the largest unit that gives a whole number. */
function duration(ms: number): string {
  const units = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1_000],
  ] as const;
  const unit = units.find(([, length]) => ms % length === 0);
  return unit ? count(ms / unit[1], unit[0]) : `${ms} ms`;
}
