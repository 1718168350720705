/** One worker process: runs a job within limits of time and memory, beyond which the process is killed. */

import { setPriority } from "node:os";
import type { Job, Verdict } from "./job.ts";
import { usageOf } from "./usage.ts";

export interface JobLimits {
  /** Processor time of a job, ms. */
  cpuMs: number;
  /** Wall clock of a job, ms: on a busy machine its processor time passes more slowly. */
  wallMs: number;
  /** Resident memory of the process, bytes. */
  memory: number;
}

export type Outcome =
  | Verdict
  /** The job used more than its time or memory. */
  | "over_limit"
  /** The process ended by itself: the job may have crashed it, or the system wanted its memory. */
  | "ended";

export interface Worker {
  /** One job at a time. Aborting kills the process, and rejects with the signal's reason. */
  run(job: Job, signal: AbortSignal): Promise<Outcome>;
  /** True while it can run another job. */
  readonly alive: boolean;
  kill(): void;
}

/** How often the limits are looked at, ms. */
const interval = 50;
/** Under nice(1): what serves requests comes first. */
const niceness = 10;

/** Throws what Bun.spawn throws when the program cannot be run. `command` is the program as the worker. */
export function startWorker(command: readonly string[], limits: JobLimits, platform: NodeJS.Platform): Worker {
  let settle: ((outcome: Outcome) => void) | null = null;
  let alive = true;
  const child = Bun.spawn([...command], {
    // Bun ends it with its parent, however that ends; an expression that is stuck would never see its pipe close.
    env: { BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    serialization: "json",
    ipc: (message) => settle?.(message as Verdict),
    onExit() {
      alive = false;
      settle?.("ended");
    },
  });
  // The worker alone must not keep the server from ending.
  child.unref();
  try {
    setPriority(child.pid, niceness);
  } catch {
    // It has ended already, or the system does not allow it: the limits hold without.
  }
  const kill = () => {
    alive = false;
    child.kill("SIGKILL");
  };

  return {
    get alive() {
      return alive;
    },
    kill,
    async run(job, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
      settle = resolve;
      const onAbort = () => {
        kill();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const begun = performance.now();
      let before: number | null = null;
      let looking = false;
      const look = async () => {
        if (looking) return;
        looking = true;
        const usage = await usageOf(child.pid, platform);
        looking = false;
        if (usage) before ??= usage.cpuMs;
        const cpu = usage && before !== null ? usage.cpuMs - before : 0;
        if (settle !== resolve) return;
        if (cpu > limits.cpuMs || (usage?.rss ?? 0) > limits.memory || performance.now() - begun > limits.wallMs) {
          kill();
          resolve("over_limit");
        }
      };
      const timer = setInterval(look, interval);
      void look();
      try {
        if (signal.aborted) onAbort();
        else if (!alive) resolve("ended");
        else child.send(job);
        return await promise;
      } finally {
        settle = null;
        clearInterval(timer);
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
