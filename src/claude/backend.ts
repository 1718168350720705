/** What answers turns behind the engine: headless processes (headless.ts), or sessions in a terminal (terminal/). */

import type { Conversation, Sampling } from "../core/conversation.ts";
import type { Cleared, EngineStatus, SessionInfo } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { TurnEvent } from "../core/turn.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Lease } from "./login.ts";
import type { Output } from "./output.ts";

/** One attempt at a turn. */
export interface Attempt {
  conversation: Conversation;
  /** Whether the API may be told that a call must be made. */
  forcing: boolean;
  /** Texts that end the answer, whether or not they are sent upstream. */
  stop: readonly string[];
  output: Output | null;
  /** Parameters that were left out of it. */
  ignored: Array<keyof Sampling>;
  principal: Principal;
  lease: Lease;
  capabilities: Capabilities;
  /** Aborted by the client's leaving or the deadline; its reason is what the attempt throws. */
  signal: AbortSignal;
  /** Called once, when the answer has begun. */
  onBegin: () => void;
  /** Called once, when the process answers no more; `begun`: something went out, so this was the last attempt. */
  onProcessDone: (begun: boolean) => void;
}

export interface Backend {
  /**
   * Yields the answer's events. Throws OcpError when the turn fails, and the signal's reason when it aborts. Whatever
   * happens, the process has been given back or ended when this returns.
   */
  attempt(options: Attempt): AsyncGenerator<TurnEvent, void, void>;
  /** Whether one more turn may run beside `admitted` ones, of which some may not have a process yet. */
  hasRoom(admitted: number): boolean;
  /** Tells whether a process waits for the tool results that the conversation ends with; it is then kept a little longer. */
  bringsProcess(conversation: Conversation, principalId: string): boolean;
  counts(): EngineStatus["processes"];
  /** Bytes that the processes take, by the measured figures. */
  memory(): number;
  /** Those of one principal, or all. */
  sessions(principalId?: string): SessionInfo[];
  /** Ends the waiting ones of one principal, or all, and forgets what hibernates. */
  clear(principalId?: string): Cleared;
  /** To be called when a limit has changed. */
  reconsider(): void;
  /** Kills what is left, and resolves when all of it is gone. */
  close(): Promise<void>;
  /** Null where the CLI is not driven through a terminal. */
  terminal(): EngineStatus["terminal"];
}
