/**
 * Compiles schemas and validates answers in worker processes, since a client's schema, or a pattern in it, may take any
 * time and memory. At most one job of each principal runs, so that a worker is left for the others.
 */

import { createFairness } from "../core/fairness.ts";
import type { Log, SchemaChecker } from "../core/ports.ts";
import { type Job, workerCommand } from "./job.ts";
import { type JobLimits, type Outcome, startWorker, type Worker } from "./process.ts";

export interface CheckerOptions {
  /** How this program is called again. */
  self: readonly string[];
  platform: NodeJS.Platform;
  log: Log;
  limits?: Partial<JobLimits & PoolLimits>;
}

export interface PoolLimits {
  workers: number;
  /** After so many ms without a job the workers end: a server at rest holds none. */
  idleMs: number;
  /** How long an answer may wait to be validated, ms. */
  patienceMs: number;
}

const usual: JobLimits & PoolLimits = {
  cpuMs: 2_000,
  wallMs: 20_000,
  memory: 256 * 1024 * 1024,
  workers: 2,
  idleMs: 30_000,
  patienceMs: 20_000,
};

/** How many schemas that went over a limit are remembered, to be refused at once. */
const remembered = 256;

interface Waiting {
  principalId: string;
  job: Job;
  signal: AbortSignal;
  done: (outcome: Promise<Outcome>) => void;
}

export function createSchemaChecker({ self, platform, log, limits: changed }: CheckerOptions): SchemaChecker {
  const limits = { ...usual, ...changed };
  const fairness = createFairness();
  const waiting = new Set<Waiting>();
  const busy = new Map<string, Worker | null>();
  const idle: Worker[] = [];
  const costly = new Set<string>();
  let idling: Timer | undefined;
  let closed = false;

  const endIdle = () => {
    for (const worker of idle.splice(0)) worker.kill();
  };
  const workerFor = (principalId: string): Worker => {
    let worker = idle.pop();
    while (worker && !worker.alive) worker = idle.pop();
    worker ??= startWorker([...self, workerCommand], limits, platform);
    busy.set(principalId, worker);
    return worker;
  };
  const run = async ({ principalId, job, signal }: Waiting): Promise<Outcome> => {
    fairness.started(principalId);
    try {
      return await workerFor(principalId).run(job, signal);
    } finally {
      const worker = busy.get(principalId);
      busy.delete(principalId);
      fairness.ended(principalId);
      if (worker?.alive && !closed) idle.push(worker);
      else worker?.kill();
      next();
    }
  };
  const next = () => {
    clearTimeout(idling);
    while (busy.size < limits.workers) {
      const ready = [...waiting].filter(({ principalId }) => !busy.has(principalId));
      const chosen = fairness.next(ready.map(({ principalId }) => principalId));
      const one = ready.find(({ principalId }) => principalId === chosen);
      if (one === undefined) break;
      waiting.delete(one);
      // Held before it starts: starting may fail, and that frees it.
      busy.set(one.principalId, null);
      one.done(run(one));
    }
    if (busy.size > 0 || closed) return;
    idling = setTimeout(endIdle, limits.idleMs);
    idling.unref();
  };

  /** Throws the signal's reason, and what starting a worker throws. */
  const ask = (job: Job, principalId: string, signal: AbortSignal): Promise<Outcome> => {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const one: Waiting = { principalId, job, signal, done: resolve };
    const onAbort = () => {
      if (waiting.delete(one)) reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    waiting.add(one);
    next();
    return promise.finally(() => signal.removeEventListener("abort", onAbort));
  };

  /** A worker that cannot be started is no fault of the client's. */
  const unavailable = (error: unknown, signal: AbortSignal) => {
    signal.throwIfAborted();
    log.warn("schemas cannot be checked: the worker does not start", { error: String(error) });
    return "unchecked" as const;
  };

  return {
    async compile(schema, principalId, signal) {
      const key = new Bun.CryptoHasher("sha256").update(schema).digest("base64url");
      if (costly.has(key)) return "over_limit";
      const job = { schema, value: null };
      const outcome = await ask(job, principalId, signal).catch((error) => unavailable(error, signal));
      if (outcome === "over_limit") {
        costly.add(key);
        const [oldest] = costly;
        if (costly.size > remembered && oldest !== undefined) costly.delete(oldest);
        return "over_limit";
      }
      // Not remembered: another job may have been the reason.
      if (outcome === "ended") return "over_limit";
      return outcome === "invalid_schema" ? "invalid" : "valid";
    },
    async validate(schema, value, principalId, signal) {
      const late = AbortSignal.timeout(limits.patienceMs);
      const either = AbortSignal.any([signal, late]);
      const outcome = await ask({ schema, value }, principalId, either).catch((error) =>
        late.aborted && !signal.aborted ? "over_limit" : unavailable(error, signal),
      );
      if (outcome === "valid" || outcome === "invalid") return outcome;
      log.warn("an answer in JSON was passed on unchecked", { problem: outcome });
      return "unchecked";
    },
    close() {
      closed = true;
      clearTimeout(idling);
      for (const worker of busy.values()) worker?.kill();
      endIdle();
    },
  };
}
