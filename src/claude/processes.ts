/** Starts, counts and ends the `claude` processes, and says whether the machine has room for one more. */

import type { Conversation, Message } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { Log } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { type ClaudeProcess, spawnClaude } from "./process.ts";
import { type Identity, recipe } from "./recipe.ts";
import type { Scratch } from "./scratch.ts";

const MiB = 1024 * 1024;
/** Measured on 2.1.197 and 2.1.330: what all processes share, and what one that runs a turn holds of its own. */
const sharedMemory = 70 * MiB;
const turnMemory = 170 * MiB;

/** A process that answers one conversation, and what of the conversation it does not hold yet. */
export interface Checkout {
  process: ClaudeProcess;
  /** The messages to enter before the last one is asked. */
  missing: readonly Message[];
  /** Gives the process back. `clean`: it holds exactly what the client saw, and could go on. */
  release(clean: boolean): void;
}

export interface ProcessRequest {
  conversation: Conversation;
  principal: Principal;
  identity: Identity;
}

export interface Processes {
  checkout(request: ProcessRequest): Checkout;
  readonly running: number;
  hasRoom(): boolean;
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

  const start = ({ conversation, identity }: ProcessRequest): ClaudeProcess => {
    const bin = locate();
    let process: ClaudeProcess;
    try {
      process = spawnClaude(
        recipe({ bin, model: conversation.model, identity, scratch: scratch.path, upstreamUrl, environment }),
      );
    } catch (cause) {
      throw new OcpError("not_ready", "The claude CLI could not be started.", { cause });
    }
    living.add(process);
    const gone = process.exited.then(async (exit) => {
      living.delete(process);
      onRoom();
      await scratch.forget(process.pid);
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
        release: () => process.kill(),
      };
    },
    get running() {
      return living.size;
    },
    hasRoom: () => living.size === 0 || estimate(living.size + 1) <= memoryMax,
    memory: () => estimate(living.size),
    async close() {
      for (const process of living) process.kill();
      await Promise.all(leaving);
    },
  };
}
