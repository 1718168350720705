/**
 * The log's line of each request. Whoever is refused again and again gets the first lines of a minute, and one that
 * says how many more there were: a log that turns over in minutes tells nothing of anything else.
 */

import type { Log } from "../core/ports.ts";
import type { ProcessPath, StartReason } from "../core/turn.ts";

export interface RequestLine {
  requestId: string;
  method: string;
  path: string;
  status: number;
  ms: number;
  principal: string | null;
  address: string | null;
  model: string | null;
  outcome: string;
  /** The kind of process that answered; null: none did. */
  process: ProcessPath | null;
  /** Why it did not hold the conversation before; null: it did, or there was none. */
  reason: StartReason | null;
}

export interface RequestLogOptions {
  log: Log;
  /** Ms of any origin. */
  now: () => number;
  /** Lines in a minute of one caller and outcome. */
  each?: number;
}

interface Kind {
  lines: number;
  more: number;
  last: RequestLine;
}

const minute = 60_000;
/** Callers and outcomes that are told apart in a minute; what comes above it shares one. */
const mostKinds = 500;

export function createRequestLog({ log, now, each = 30 }: RequestLogOptions): (line: RequestLine) => void {
  let kinds = new Map<string, Kind>();
  let since = Number.NEGATIVE_INFINITY;
  let reporting: Timer | undefined;

  const report = () => {
    clearTimeout(reporting);
    reporting = undefined;
    for (const { more, last } of kinds.values()) {
      if (more === 0) continue;
      const { principal, address, status, outcome } = last;
      log.info("more requests were refused", { principal, address, status, outcome, count: more });
    }
    kinds = new Map();
  };

  const kindOf = (line: RequestLine): Kind => {
    const own = JSON.stringify([line.principal ?? line.address, line.outcome]);
    const key = kinds.has(own) || kinds.size < mostKinds ? own : "others";
    const kind = kinds.get(key) ?? { lines: 0, more: 0, last: line };
    kinds.set(key, kind);
    return kind;
  };

  return (line) => {
    if (line.status >= 400) {
      if (now() - since >= minute) {
        report();
        since = now();
      }
      const kind = kindOf(line);
      kind.last = line;
      if (kind.lines >= each) {
        kind.more++;
        reporting ??= setTimeout(report, minute);
        reporting.unref();
        return;
      }
      kind.lines++;
    }
    log[line.status >= 500 ? "warn" : "info"]("request", { ...line });
  };
}
