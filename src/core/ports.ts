/** What the parts of the server know of one another. `server` and `claude` meet here and nowhere else. */

import type { Conversation } from "./conversation.ts";
import type { PlanStatus } from "./plan.ts";
import type { Principal } from "./principal.ts";
import type { CacheOutcome, Dialect } from "./store.ts";
import type { ProcessPath, StartReason, TurnEvent, Usage } from "./turn.ts";

export interface TurnContext {
  principal: Principal;
  /** Aborts when the client leaves: the turn then stops upstream at once. */
  signal: AbortSignal;
  /** For the log. */
  requestId: string;
  /** Called once the turn needs no process any more, however slowly its last events are read. */
  onDone?: () => void;
}

/** Runs one turn; what `Engine.run` says holds for each. */
export type Runner = (conversation: Conversation, context: RequestContext) => AsyncGenerator<TurnEvent, void, void>;

/** Wraps what comes after it: the answers of the cache, the refusals of a quota, and so on. */
export type Layer = (next: Runner) => Runner;

/** A turn as the server sees it on its way to the engine. */
export interface RequestContext extends TurnContext {
  dialect: Dialect;
  /** The request names a session, or marks what is to be cached by the vendor: it gets an answer of its own. */
  bypassCache: boolean;
  /** What is learnt on the way, for the usage row and the response's head. */
  note: TurnNote;
}

export interface TurnNote {
  queuedMs: number;
  cache: CacheOutcome;
  /** The most tokens that the key's quota leaves to the answer; null: it leaves as many as were asked for. */
  outputLimit: number | null;
  /** What is set aside of the key's quota; the row of usage that stands for the turn gives it back. */
  share: Share | null;
  /** Null while no process was asked: for an answer out of the cache, a refusal. */
  spent: Spent | null;
}

export interface Share {
  /** Only the first call counts. */
  release(): void;
}

/** What a turn has cost so far. */
export interface Spent {
  path: ProcessPath | null;
  /** Of the `start` event; null before it too. */
  reason: StartReason | null;
  /** Where the turn did not end by itself, the output is an estimate. */
  usage(): Usage;
  /** Whether any of the answer came, or all of an empty one. */
  begun: boolean;
  /** Whether all has come that will. The turn may outlast its client: for others who asked the same. */
  over: boolean;
  /** Called once, when it is over. */
  onOver: (() => void) | null;
}

/** Answers conversations through the `claude` CLI. */
export interface Engine {
  /**
   * Runs one turn. Nothing is spent before the iterator is first advanced; returning it early, or aborting the
   * signal, ends the turn upstream and frees its process.
   * Throws OcpError, and on an aborted signal its reason.
   */
  run(conversation: Conversation, context: TurnContext): AsyncGenerator<TurnEvent, void, void>;
  /** Whether the machine's memory allows one more turn beside `admitted` ones; always true when there are none. */
  hasRoom(admitted: number): boolean;
  /** Tells whether a process waits for the tool results that the conversation ends with, so that it needs no other. */
  bringsProcess(conversation: Conversation, principalId: string): boolean;
  status(): Promise<EngineStatus>;
  /** What is known of the plan of the login that would be used now. Asks nobody. */
  plan(): Promise<PlanStatus>;
  /** The conversations that have a process, and those that hibernate, of one principal or of all. */
  sessions(principalId?: string): SessionInfo[];
  /** Ends the processes that wait for a next message, and forgets what hibernates, of one principal or of all. */
  clearSessions(principalId?: string): Cleared;
  /** To be called when a setting has changed: ends what is now too many or too old, and makes what is now missing. */
  reconsider(): void;
  /** Ends every process: idle ones at once, running turns after `graceMs` milliseconds. Later turns are refused. */
  close(graceMs: number): Promise<void>;
}

/** How many of each kind there were. */
export interface Cleared {
  /** Processes that waited. */
  ended: number;
  /** Conversations that hibernated. */
  forgotten: number;
}

export interface SessionInfo {
  id: string;
  /** Null while it hibernates. */
  pid: number | null;
  principalId: string;
  model: string;
  /**
   * `parked` waits for tool results, `settling` and `idle` for the next message. A `hibernated` one has no process, and
   * its next message starts one that holds the same.
   */
  state: "running" | "settling" | "idle" | "parked" | "hibernated";
  /** Why a hibernated one has no process; else null. */
  reason: StartReason | null;
  messages: number;
  turns: number;
  /** Tokens of all its turns. */
  usage: Omit<Usage, "thinking">;
  /** How often its history was entered into another process, by the reason. */
  rebuilds: Partial<Record<StartReason, number>>;
  /** Epoch ms. */
  since: number;
  usedAt: number;
}

export interface EngineStatus {
  /** A simulated API answers, not the model. */
  simulated: boolean;
  cli: { path: string | null; version: string | null; problem: string | null };
  login: {
    state: "ok" | "expiring" | "missing" | "rejected";
    /** Where the credential was found. */
    source: "environment" | "file" | "keychain" | "demo" | null;
    /** Epoch ms. */
    expiresAt: number | null;
    problem: string | null;
  };
  spawn: { mode: "isolated-scratch-home" | "real-home"; isolated: boolean; home: string; reason: string };
  processes: { running: number; parked: number; live: number; spare: number };
  /** Bytes. */
  memory: { limit: number; estimate: number };
  /** Null where the CLI runs headless. */
  terminal: TerminalStatus | null;
}

/** What is known of the interactive mode, in which the CLI runs in a terminal of ours. The counts are since the start. */
export interface TerminalStatus {
  home: string;
  cwd: string;
  /** Why no session could begin now; null: nothing is known to be in the way. */
  problem: string | null;
  entrypointMode: "auto" | "cli" | "off";
  /** As the CLI classified its last turn; null: there was none. */
  lastEntrypoint: string | null;
  /** Turns that it classified as another than `cli`. */
  entrypointMismatches: number;
  pool: {
    size: number;
    warm: number;
    booting: number;
    /** Which model's sessions are kept booted; null: nothing was asked for yet. */
    model: string | null;
    hits: number;
    misses: number;
    boots: number;
    bootFailures: number;
    /** Booted or booting ones that were ended unused: for their age, another model, another login. */
    dropped: number;
  };
  stream: {
    /** Turns of which text went out before their end, and pieces of it. */
    turns: number;
    deltas: number;
    /** Turns whose end brought text that had not been displayed before. */
    topUps: number;
    /** Turns that failed because what was displayed was not what the CLI wrote down in the end. */
    divergences: number;
    /** Turns that went out in one piece. */
    zeroDeltaTurns: number;
  };
}

/** Judges clients' JSON Schemas, and answers by them, where neither can hold up the server. Both are JSON texts. */
export interface SchemaChecker {
  /**
   * `over_limit`: it takes more time or memory to compile than a schema may. Throws the signal's reason.
   * A principal's jobs run one after the other.
   */
  compile(schema: string, principalId: string, signal: AbortSignal): Promise<"valid" | "invalid" | "over_limit">;
  /** `unchecked`: it would take too long, so nobody knows. Throws the signal's reason. */
  validate(
    schema: string,
    value: string,
    principalId: string,
    signal: AbortSignal,
  ): Promise<"valid" | "invalid" | "unchecked">;
  /** Ends what runs, at once. */
  close(): void;
}

/** Writes one entry of the log; fields hold no prompt and no secret, nor what may repeat one. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** An entry has these three by itself. */
export type LogFields = Record<string, unknown> & { time?: never; level?: never; message?: never };
