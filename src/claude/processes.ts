/** Starts, counts and ends the `claude` processes, and says whether the machine has room for one more. */

import type { Conversation, Message } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { Log } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { type ClaudeProcess, spawnClaude } from "./process.ts";
import { type Identity, recipe } from "./recipe.ts";
import type { Scratch, Trace } from "./scratch.ts";

const MiB = 1024 * 1024;
/** Measured on 2.1.197 and 2.1.330: what all processes share, and what one that runs a turn holds of its own. */
const sharedMemory = 70 * MiB;
const turnMemory = 170 * MiB;
/** How long the CLI may take, in ms, to store a login that it is refreshing. */
const refreshTime = 15_000;

/** A process that answers one conversation, and what of the conversation it does not hold yet. */
export interface Checkout {
  process: ClaudeProcess;
  /** The messages to enter before the last one is asked. */
  missing: readonly Message[];
  /** Gives the process back. `clean`: it holds exactly what the client saw, and could go on. */
  release(clean: boolean): void;
  /**
   * Gives back a process that may be writing the owner's login this very moment: its refresh token works once, so it
   * gets the time to store the new one. Resolves when the process is gone.
   */
  retire(): Promise<void>;
}

export interface ProcessRequest {
  conversation: Conversation;
  principal: Principal;
  identity: Identity;
}

export interface Processes {
  checkout(request: ProcessRequest): Checkout;
  readonly running: number;
  /** Whether one more turn may run beside `admitted` ones, of which some may not have a process yet. */
  hasRoom(admitted: number): boolean;
  /** Bytes that the processes take, by the measured figures. */
  memory(): number;
  /** Kills what is left, and resolves when all of it is gone. */
  close(): Promise<void>;
}

export interface ProcessesOptions {
  /** Absolute path of the CLI; throws OcpError not_ready when there is none. */
  locate: () => string;
  scratch: Scratch;
  upstreamUrl: string | undefined;
  environment: Record<string, string | undefined>;
  /** Bytes for all processes together. */
  memoryMax: number;
  /** Called when a process has gone and given its memory back. */
  onRoom: () => void;
  log: Log;
}

export function createProcesses(options: ProcessesOptions): Processes {
  const { locate, scratch, upstreamUrl, environment, memoryMax, onRoom, log } = options;
  const living = new Set<ClaudeProcess>();
  const leaving = new Set<Promise<unknown>>();
  /** Given back, and not gone yet: their memory is still taken, and their turn counts no more. */
  const released = new Set<ClaudeProcess>();
  const retiring = new Set<ClaudeProcess>();

  const start = ({ conversation, identity }: ProcessRequest): ClaudeProcess => {
    const bin = locate();
    let trace: Trace;
    let process: ClaudeProcess;
    try {
      trace = scratch.begin();
      const { temporary } = trace;
      const { model } = conversation;
      process = spawnClaude(
        recipe({ bin, model, identity, scratch: scratch.path, temporary, upstreamUrl, environment }),
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
      if (exit.code !== null && exit.code !== 0 && exit.stderr !== "") {
        log.warn("claude exited", { pid: process.pid, code: exit.code, stderr: exit.stderr });
      }
    });
    leaving.add(gone);
    gone.finally(() => leaving.delete(gone));
    return process;
  };

  const estimate = (count: number) => (count === 0 ? 0 : sharedMemory + count * turnMemory);

  return {
    checkout(request) {
      const process = start(request);
      return {
        process,
        missing: request.conversation.messages.slice(0, -1),
        release() {
          released.add(process);
          process.kill();
        },
        async retire() {
          released.add(process);
          process.end();
          const timer = setTimeout(process.kill, refreshTime);
          retiring.add(process);
          await process.exited;
          retiring.delete(process);
          clearTimeout(timer);
        },
      };
    },
    get running() {
      return living.size;
    },
    hasRoom: (admitted) => {
      const count = Math.max(living.size, released.size + admitted);
      return count === 0 || estimate(count + 1) <= memoryMax;
    },
    memory: () => estimate(living.size),
    async close() {
      for (const process of living) if (!retiring.has(process)) process.kill();
      await Promise.all(leaving);
    },
  };
}
