/** Starts and ends processes of the CLI, and knows of each whether it lives, goes, or is given time to go. */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OcpError } from "../core/errors.ts";
import type { HostTools } from "../core/host-tools.ts";
import type { Log } from "../core/ports.ts";
import { nowhere } from "./dials.ts";
import { type ClaudeProcess, spawnClaude } from "./process.ts";
import { type Identity, recipe } from "./recipe.ts";
import type { Scratch, Trace } from "./scratch.ts";

/** How long the CLI may take, in ms, to store a login that it is refreshing. */
const refreshTime = 15_000;

export interface ChildStart {
  model: string;
  identity: Identity;
  hostTools: HostTools | null;
  /** The session file that it resumes: its text, for the session of this id. Absent: it begins without a history. */
  history?: ((sessionId: string) => string) | undefined;
  /** It keeps its own session file, in its home, and finds no API. */
  recorded?: boolean | undefined;
}

export interface Children {
  /** Throws OcpError not_ready when the CLI cannot be started. */
  start(start: ChildStart): ClaudeProcess;
  /** To be called once the process has read its session file, which is then removed. */
  resumed(process: ClaudeProcess): void;
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
  const files = new WeakMap<ClaudeProcess, string>();

  return {
    start({ model, identity, hostTools, history, recorded }) {
      const bin = locate();
      let trace: Trace | undefined;
      let process: ClaudeProcess;
      try {
        trace = scratch.begin();
        const { temporary } = trace;
        const file = history && writeHistory(temporary, history);
        const api = recorded ? nowhere : upstreamUrl;
        process = spawnClaude(
          recipe({
            ...{ bin, model, identity, scratch: scratch.path, temporary, hostTools, environment, file, recorded },
            upstreamUrl: api,
          }),
        );
        if (file !== undefined) files.set(process, file);
      } catch (error) {
        if (trace) rmSync(trace.temporary, { recursive: true, force: true });
        // Bun's own text repeats the environment, where the token is.
        const cause = new Error((error as NodeJS.ErrnoException).code ?? "unknown");
        throw new OcpError("not_ready", "The claude CLI could not be started.", { cause });
      }
      living.add(process);
      const { clear } = trace;
      const gone = process.exited.then(async (exit) => {
        living.delete(process);
        released.delete(process);
        onRoom();
        await clear(process.pid, identity.home);
        if (exit.code !== null && exit.code !== 0) {
          log.warn("claude exited", { pid: process.pid, code: exit.code, stderr: exit.stderr || undefined });
        }
      });
      leaving.add(gone);
      gone.finally(() => leaving.delete(gone));
      return process;
    },
    resumed(process) {
      const file = files.get(process);
      if (file !== undefined) rmSync(file, { force: true });
      files.delete(process);
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

/** The directory is the process's own, and goes with it: a file that the CLI never came to read does not stay. */
function writeHistory(directory: string, history: (sessionId: string) => string): string {
  const sessionId = crypto.randomUUID();
  const file = join(directory, `${sessionId}.jsonl`);
  writeFileSync(file, history(sessionId), { mode: 0o600, flag: "wx" });
  return file;
}
