/**
 * Finds the process that answers a request, in this order: one that waits for its tool results, one that holds its
 * conversation, a booted spare, a new one. Holds all of them together to the machine's memory.
 */

import type { Conversation, Message, ToolResultBlock } from "../core/conversation.ts";
import type { HostTools } from "../core/host-tools.ts";
import type { SessionInfo } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { ProcessPath } from "../core/turn.ts";
import type { Capabilities } from "./capabilities.ts";
import { type ChildrenOptions, createChildren } from "./children.ts";
import { createConversations } from "./conversations.ts";
import { createEviction } from "./eviction.ts";
import { extend, type Fingerprint, fingerprints } from "./fingerprint.ts";
import { createHabits } from "./habits.ts";
import { farewell, hear } from "./hearing.ts";
import type { Limits } from "./limits.ts";
import { normalisedId } from "./names.ts";
import type { ClaudeProcess } from "./process.ts";
import type { Identity } from "./recipe.ts";
import { createRoom, sessionMemory, spareMemory } from "./room.ts";
import { createSession, type Session } from "./session.ts";
import { settle } from "./settle.ts";
import { createSpares } from "./spares.ts";
import type { ToolSet } from "./tool-set.ts";
import type { Transcript } from "./transcript.ts";

/** A process for one turn, out of reach of any other. */
export interface Checkout {
  session: Session;
  path: ProcessPath;
  /** It has been told nothing yet, and is to be initialised. */
  fresh: boolean;
  /** The model on its command line. */
  startedWith: string;
  /** The messages to enter before the last one is asked. */
  missing: readonly Message[];
  /** The results that it waits for, instead of a message. */
  results: ToolResultBlock[] | null;
  /** Gives it back with a clean answer: it may go on. */
  keep(transcript: Transcript): void;
  /** Ends it at once. */
  kill(): void;
  /** Ends a process that rests as soon as it has said what its answer's headers told of the plan. */
  dismiss(): void;
  /**
   * Gives back a process that may be writing the owner's login this very moment: its refresh token works once, so it
   * gets the time to store the new one. Resolves when the process is gone.
   */
  retire(): Promise<void>;
}

export interface ProcessRequest {
  conversation: Conversation;
  /** The system prompt as the process gets it. */
  system: string;
  /** All that it is to offer. */
  tools: ToolSet;
  principal: Principal;
  identity: Identity;
  capabilities: Capabilities;
  hostTools: HostTools | null;
  /** The token of the login that it will use; null: it may be another one by then. */
  login: string | null;
  /** Only a process that was just started will do. */
  onlyNew: boolean;
}

export interface Processes {
  checkout(request: ProcessRequest): Checkout;
  /** Whether one more turn may run beside `admitted` ones, of which some may not have a process yet. */
  hasRoom(admitted: number): boolean;
  /** Tells whether a process waits for the tool results that the conversation ends with; it is then kept a little longer. */
  bringsProcess(conversation: Conversation, principalId: string): boolean;
  counts(): Record<"running" | "parked" | "live" | "spare", number>;
  /** Bytes that the processes take, by the measured figures. */
  memory(): number;
  /** Those of one principal, or all. */
  sessions(principalId?: string): SessionInfo[];
  /** To be called when a limit has changed. */
  reconsider(): void;
  /** Ends the waiting ones of one principal, or all; returns how many. */
  clear(principalId?: string): number;
  /** Kills what is left, and resolves when all of it is gone. */
  close(): Promise<void>;
}

export interface ProcessesOptions extends ChildrenOptions {
  /** Bytes for all processes together. This and the next three are asked when they are needed. */
  memoryMax: () => number;
  /** OCP_SPARES. */
  spares: () => number;
  /** OCP_LIVE_MAX. */
  liveMax: () => number;
  /** CLAUDE_SESSION_TTL, ms. */
  sessionTtl: () => number;
  /** Turns that wait for their first token. */
  starting: () => number;
  limits: Limits;
  /** Epoch ms. */
  now: () => number;
}

export function createProcesses(options: ProcessesOptions): Processes {
  const { scratch, memoryMax, liveMax, sessionTtl, limits, log, now } = options;
  const children = createChildren(options);
  const running = new Set<Session>();
  /** What has answered and is about to go. */
  const leaving = new Set<Session>();
  const conversations = createConversations<Session>((session) => children.discard(session.process));
  const habits = createHabits();
  let lateModel = false;
  let serial = 0;

  const spares = createSpares<ClaudeProcess>({
    size: options.spares,
    boot: (model, token) => children.start(model, { kind: "isolated", home: scratch.path, token }, null),
    discard: children.discard,
    lateModel: () => lateModel,
    busy: () => options.starting() > 0 || !room.fits(spareMemory),
    idleAfter: 3_600_000,
    now,
  });

  const end = (session: Session) => {
    conversations.drop(session);
    children.discard(session.process);
  };
  const eviction = createEviction({ conversations, running, end, sessionTtl, now });
  const room = createRoom({ children, spares, eviction, leaving, end, memoryMax });
  /** `resting`: the CLI has ended the turn. */
  const dismiss = (session: Session, resting: boolean) => {
    leaving.add(session);
    void farewell(session, limits, resting, now).then(() => leaving.delete(session) && end(session));
  };
  /** The login was replaced: what holds another one is of no more use. */
  const retireOthers = (token: string) => {
    spares.retire(token);
    for (const session of conversations.waiting()) if (session.token !== token) end(session);
  };

  let sweeping: Timer | undefined;
  const sweep = () => {
    for (const session of conversations.waiting()) if (now() - session.usedAt > sessionTtl()) end(session);
    clearTimeout(sweeping);
    sweeping = setTimeout(sweep, Math.min(60_000, Math.max(1_000, sessionTtl() / 4)));
    sweeping.unref();
  };
  sweep();

  /**
   * In its first idle seconds a process takes as much of a processor as half of a boot: too much while others wait
   * for theirs, after a question of somebody who asks single ones.
   */
  const isSpent = (session: Session, { conversation, principal }: ProcessRequest, transcript: Transcript) =>
    session.turns === 0 &&
    conversation.messages.length === 1 &&
    transcript.calls().length === 0 &&
    options.starting() > 0 &&
    habits.asksOnce(principal.id);

  let warned = false;
  /** A process whose start values are unknown may not live on: its next question, and the login, could go to another host. */
  const isStartUnknown = (session: Session) => {
    if (session.start !== null) return false;
    if (!warned) log.warn("a claude process answers one turn: what CLAUDE_BIN starts it with cannot be read");
    warned = true;
    return true;
  };

  const keep = (session: Session, held: Fingerprint, request: ProcessRequest, transcript: Transcript) => {
    // It may have run without room, as the one turn that always may, or the room has become less.
    room.make(0, session.principalId);
    if (liveMax() === 0 || isStartUnknown(session) || !room.fits(0) || isSpent(session, request, transcript)) {
      return dismiss(session, request.hostTools !== null);
    }
    session.held = extend(held, transcript.message());
    session.awaited = new Set(transcript.calls().map(normalisedId));
    // A turn with host tools has ended with the CLI's result, so there is none to wait for.
    session.state = session.awaited.size > 0 ? "parked" : request.hostTools ? "idle" : "settling";
    session.messages = request.conversation.messages.length + 1;
    session.turns++;
    session.hints = request.conversation.hints;
    session.usedAt = now();
    conversations.keep(session);
    settle(session, () => end(session));
    eviction.surplus(liveMax());
    // From here on it is ended for a turn that waits for room.
    options.onRoom();
  };

  const begin = (process: ClaudeProcess, { conversation, principal, identity, login }: ProcessRequest): Session => {
    const session = createSession({
      id: `s${++serial}`,
      process,
      principalId: principal.id,
      model: conversation.model,
      token: identity.kind === "isolated" ? identity.token : null,
      login,
      now: now(),
    });
    hear(session, limits, now);
    return session;
  };

  const find = (
    request: ProcessRequest,
    prints: readonly Fingerprint[],
  ): Omit<Checkout, "keep" | "kill" | "dismiss" | "retire"> => {
    const { conversation, tools, principal, identity, capabilities, hostTools, onlyNew } = request;
    const token = identity.kind === "isolated" ? identity.token : null;
    if (!onlyNew) {
      const found = conversations.take(conversation, prints, principal.id, (candidate) => {
        const { bridge } = candidate;
        return (
          candidate.token === token && (bridge.offers(tools) || (capabilities.changesTools && bridge.takes(tools)))
        );
      });
      if (found) {
        return { ...found, path: found.results ? "parked" : "live", fresh: false, startedWith: conversation.model };
      }
    }
    const missing = conversation.messages.slice(0, -1);
    const spare = onlyNew || token === null || hostTools !== null ? null : spares.take(conversation.model, token);
    room.make(spare ? 0 : sessionMemory, principal.id);
    const process = spare?.process ?? children.start(conversation.model, identity, hostTools);
    return {
      session: begin(process, request),
      path: spare ? "spare" : "new",
      fresh: true,
      startedWith: spare?.model ?? conversation.model,
      missing,
      results: null,
    };
  };

  return {
    checkout(request) {
      lateModel = request.capabilities.lateModel;
      if (request.identity.kind === "isolated") retireOthers(request.identity.token);
      const prints = fingerprints(
        request.conversation,
        request.principal.id,
        request.system,
        request.hostTools !== null,
      );
      habits.note(request.principal.id, request.conversation.messages.length > 1);
      const found = find(request, prints);
      const { session } = found;
      session.state = "running";
      session.usedAt = now();
      running.add(session);
      const done = () => {
        running.delete(session);
        conversations.settle(session);
      };
      return {
        ...found,
        keep(transcript) {
          done();
          keep(session, prints.at(-1) as Fingerprint, request, transcript);
        },
        kill() {
          done();
          children.discard(session.process);
        },
        dismiss() {
          done();
          dismiss(session, request.hostTools !== null);
        },
        retire() {
          done();
          return children.retire(session.process);
        },
      };
    },
    hasRoom: (admitted) => room.forTurnBeside(Math.max(running.size, admitted)),
    bringsProcess(conversation, principalId) {
      const session = conversations.awaiting(conversation, principalId);
      // Its turn is on the way, so others are ended before it.
      if (session) session.usedAt = now();
      return session !== null;
    },
    counts() {
      const parked = conversations.waiting().filter(({ state }) => state === "parked").length;
      const live = conversations.waiting().length - parked;
      return { running: running.size, parked, live, spare: spares.count };
    },
    memory: room.memory,
    sessions(principalId) {
      return [...running, ...conversations.waiting()]
        .filter((each) => principalId === undefined || each.principalId === principalId)
        .map(({ id, process, principalId: owner, model, state, messages, turns, since, usedAt }) => {
          return { id, pid: process.pid, principalId: owner, model, state, messages, turns, since, usedAt };
        });
    },
    reconsider() {
      sweep();
      eviction.surplus(liveMax());
      room.make(0, null);
      spares.reconsider();
    },
    clear(principalId) {
      const waiting = conversations
        .waiting()
        .filter((each) => principalId === undefined || each.principalId === principalId);
      for (const each of waiting) end(each);
      return waiting.length;
    },
    async close() {
      clearTimeout(sweeping);
      spares.close();
      await children.close();
    },
  };
}
