/** Starts and ends processes of the CLI, and knows of each whether it lives, goes, or is given time to go. */

import { OcpError } from "../core/errors.ts";
import type { HostTools } from "../core/host-tools.ts";
import type { Log } from "../core/ports.ts";
import { type ClaudeProcess, spawnClaude } from "./process.ts";
import { type Identity, recipe } from "./recipe.ts";
import type { Scratch, Trace } from "./scratch.ts";

/** How long the CLI may take, in ms, to store a login that it is refreshing. */
const refreshTime = 15_000;

export interface Children {
  /** Throws OcpError not_ready when the CLI cannot be started. */
  start(model: string, identity: Identity, hostTools: HostTools | null): ClaudeProcess;
  /** Ends it at once. */
  discard(process: ClaudeProcess): void;
  /** Lets it finish what it does with the owner's login. Resolves when it is gone. */
  retire(process: ClaudeProcess): Promise<void>;
  /** How many live, those with time to go included. */
  readonly living: number;
  /** How many are going and still take their memory. */
  readonly released: number;
  /** Kills what is left, but for those with time to go, and resolves when all of it is gone. */
  close(): Promise<void>;
}

export interface ChildrenOptions {
  /** Absolute path of the CLI; throws OcpError not_ready when there is none. */
  locate: () => string;
  scratch: Scratch;
  upstreamUrl: string | undefined;
  environment: Record<string, string | undefined>;
  /** Called when a process has gone and given its memory back, or has become one that is ended for another's turn. */
  onRoom: () => void;
  log: Log;
}

export function createChildren(options: ChildrenOptions): Children {
  const { locate, scratch, upstreamUrl, environment, onRoom, log } = options;
  const living = new Set<ClaudeProcess>();
  const released = new Set<ClaudeProcess>();
  const retiring = new Set<ClaudeProcess>();
  const leaving = new Set<Promise<unknown>>();

  return {
    start(model, identity, hostTools) {
      const bin = locate();
      let trace: Trace;
      let process: ClaudeProcess;
      try {
        trace = scratch.begin();
        const { temporary } = trace;
        process = spawnClaude(
          recipe({ bin, model, identity, scratch: scratch.path, temporary, hostTools, upstreamUrl, environment }),
        );
      } catch (error) {
        // Bun's own text repeats the environment, where the token is.
        const cause = new Error((error as NodeJS.ErrnoException).code ?? "unknown");
        throw new OcpError("not_ready", "The claude CLI could not be started.", { cause });
      }
      living.add(process);
      const gone = process.exited.then(async (exit) => {
        living.delete(process);
        released.delete(process);
        onRoom();
        await trace.clear(process.pid, identity.home);
        if (exit.code !== null && exit.code !== 0) {
          log.warn("claude exited", { pid: process.pid, code: exit.code, stderr: exit.stderr || undefined });
        }
      });
      leaving.add(gone);
      gone.finally(() => leaving.delete(gone));
      return process;
    },
    discard(process) {
      if (living.delete(process)) released.add(process);
      process.kill();
    },
    async retire(process) {
      released.add(process);
      retiring.add(process);
      process.end();
      const timer = setTimeout(process.kill, refreshTime);
      await process.exited;
      retiring.delete(process);
      clearTimeout(timer);
    },
    get living() {
      return living.size;
    },
    get released() {
      return released.size;
    },
    async close() {
      for (const process of living) if (!retiring.has(process)) process.kill();
      await Promise.all(leaving);
    },
  };
}
