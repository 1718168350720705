/**
 * Keeps what is known of the plan over a restart, in a file of its own. It belongs to one login, by the hash of its
 * token, and is of no use with another; whatever cannot be read in it is not known.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import type { PlanRefusal } from "../core/plan.ts";
import type { Log } from "../core/ports.ts";
import { recordOf, shareOf, stateOf, textOf, timeOf } from "./limit-values.ts";
import { createLimits, type Knowledge, type KnownWindow, type Limits } from "./limits.ts";

export interface RememberedLimits extends Limits {
  /** Resolves when all is written. */
  close(): Promise<void>;
}

/** The least time, in ms, between two writes: figures come with every answer, and cards wear out. */
const writeEvery = 60_000;
const soon = 1_000;

/** `path`: null keeps nothing. `now`: epoch ms. */
export function rememberLimits(path: string | null, log: Log, now: () => number): RememberedLimits {
  let stored = path === null ? null : read(path);
  let account: string | null = null;
  let writtenAt = 0;
  let timer: Timer | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    writtenAt = now();
    if (path !== null && account !== null) {
      const text = JSON.stringify({ version: 1, account, ...limits.knowledge() });
      writing = writing
        .then(() => replace(path, text))
        .catch((error) => {
          log.warn("what is known of the plan could not be kept", { code: (error as NodeJS.ErrnoException).code });
        });
    }
  };
  const limits = createLimits(() => {
    if (path === null) return;
    timer ??= setTimeout(write, Math.max(soon, writtenAt + writeEvery - now()));
    timer.unref();
  });

  return {
    ...limits,
    login(token, subscription) {
      account = token === null ? null : createHash("sha256").update(token).digest("base64url");
      if (stored !== null && stored.account === account) limits.restore(stored.knowledge);
      stored = null;
      limits.login(token, subscription);
    },
    close() {
      if (timer !== undefined) write();
      return writing;
    },
  };
}

async function replace(path: string, text: string): Promise<void> {
  const partial = `${path}.${process.pid}.tmp`;
  await writeFile(partial, text, { mode: 0o600 });
  await rename(partial, path);
}

function read(path: string): { account: string; knowledge: Knowledge } | null {
  try {
    const file = recordOf(JSON.parse(readFileSync(path, "utf8")));
    const account = textOf(file?.account);
    if (file?.version !== 1 || account === null) return null;
    const overall = recordOf(file.overall);
    const [claim, at] = [textOf(overall?.claim), timeOf(overall?.at)];
    const extra = recordOf(file.extra);
    return {
      account,
      knowledge: {
        windows: listOf(file.windows, windowOf),
        refusals: listOf(file.refusals, refusalOf),
        overall: claim === null || at === null ? null : { state: stateOf(overall?.state), claim, at },
        extra: extra && {
          state: stateOf(extra.state),
          disabledReason: textOf(extra.disabledReason),
          inUse: typeof extra.inUse === "boolean" ? extra.inUse : null,
          resetsAt: timeOf(extra.resetsAt),
        },
      },
    };
  } catch {
    return null;
  }
}

function listOf<T>(value: unknown, read: (entry: Record<string, unknown>) => T | null): T[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each) => {
    const entry = recordOf(each);
    return (entry && read(entry)) ?? [];
  });
}

function windowOf(entry: Record<string, unknown>): KnownWindow | null {
  const [name, at, toldAt] = [textOf(entry.name), timeOf(entry.at), timeOf(entry.toldAt)];
  if (name === null || at === null || toldAt === null) return null;
  const source = entry.source === "get_usage" ? "get_usage" : "rate_limit_event";
  const [utilization, resetsAt] = [shareOf(entry.utilization), timeOf(entry.resetsAt)];
  return { name, utilization, resetsAt, state: stateOf(entry.state), source, at, toldAt };
}

function refusalOf(entry: Record<string, unknown>): PlanRefusal | null {
  const [window, resetsAt, at] = [textOf(entry.window), timeOf(entry.resetsAt), timeOf(entry.at)];
  if (window === null || resetsAt === null || at === null) return null;
  const models = Array.isArray(entry.models) ? entry.models.filter((model) => textOf(model) !== null) : null;
  return { window, resetsAt, at, models };
}
