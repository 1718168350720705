/**
 * Finds the process that answers a request, in this order: one that waits for its tool results, one that holds its
 * conversation, a booted spare, a new one. Holds all of them together to the machine's memory.
 */

import type { Conversation, Message, ToolResultBlock, UserMessage } from "../core/conversation.ts";
import type { HostTools } from "../core/host-tools.ts";
import type { Cleared, SessionInfo } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { ProcessPath, StartReason } from "../core/turn.ts";
import type { Capabilities } from "./capabilities.ts";
import { type ChildrenOptions, createChildren } from "./children.ts";
import { createConversations } from "./conversations.ts";
import { budgetOf } from "./dials.ts";
import { createEviction } from "./eviction.ts";
import { extend, type Fingerprint, type Fingerprints } from "./fingerprint.ts";
import { createHabits } from "./habits.ts";
import { farewell, hear } from "./hearing.ts";
import type { KeptAnswers, KeptConversation } from "./kept-answers.ts";
import type { Limits } from "./limits.ts";
import { createLineages, type Lineage, type LineageRequest } from "./lineage.ts";
import { unlessAborted } from "./login.ts";
import { normalisedId } from "./names.ts";
import type { ClaudeProcess } from "./process.ts";
import type { Identity } from "./recipe.ts";
import { createReminders, datedAt } from "./reminders.ts";
import { takeBack } from "./rewind.ts";
import { createRoom, sessionMemory, spareMemory } from "./room.ts";
import { createSession, type Session } from "./session.ts";
import { type PastMessage, sessionFileOf } from "./session-file.ts";
import { settle } from "./settle.ts";
import { createSpares } from "./spares.ts";
import type { ToolSet } from "./tool-set.ts";
import type { Transcript } from "./transcript.ts";

/** What a turn finds, before it is out of reach of any other. */
type Found = Omit<Checkout, "keep" | "kill" | "dismiss" | "retire" | "answered" | "asked" | "initialized">;

/** A process for one turn, out of reach of any other. */
export interface Checkout {
  session: Session;
  path: ProcessPath;
  /** Why the process did not hold the conversation; null: it did. */
  reason: StartReason | null;
  /** It has been told nothing yet, and is to be initialised. */
  fresh: boolean;
  /** The model on its command line. */
  startedWith: string;
  /** The messages to enter before the last one is asked. */
  missing: readonly Message[];
  /** They are the first that it holds. */
  fromStart: boolean;
  /** The last message, with the results under the ids that it knows. */
  question: UserMessage;
  /** The results that it waits for, instead of a message. */
  results: ToolResultBlock[] | null;
  /** To be called once it has answered to its initialisation: it has read its session file. */
  initialized(): void;
  /** To be called when its question has gone in, under this uuid. */
  asked(uuid: string): void;
  /** Remembers a whole answer, also one after which the process cannot go on. */
  answered(transcript: Transcript): void;
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
  /** Aborted when the turn is over. */
  signal: AbortSignal;
}

export interface Processes {
  /** Throws OcpError not_ready or conflict, and the signal's reason. */
  checkout(request: ProcessRequest): Promise<Checkout>;
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
  /** Ends the waiting ones of one principal, or all. */
  clear(principalId?: string): Cleared;
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
  /** The answers of conversations that may come back. */
  kept: KeptAnswers;
  /** Epoch ms. */
  now: () => number;
}

export function createProcesses(options: ProcessesOptions): Processes {
  const { scratch, memoryMax, liveMax, sessionTtl, limits, log, now } = options;
  const children = createChildren(options);
  const running = new Set<Session>();
  /** What has answered and is about to go. */
  const leaving = new Set<Session>();
  const lineages = createLineages(options.kept, now);
  const reminders = createReminders({
    children: {
      ...children,
      start(process) {
        room.make(sessionMemory, null);
        return children.start(process);
      },
    },
    scratch,
    now,
  });
  const conversations = createConversations<Session>((session, why) => end(session, why));
  const habits = createHabits();
  let lateModel = false;

  const spares = createSpares<ClaudeProcess>({
    size: options.spares,
    boot: (model, token) =>
      children.start({ model, identity: { kind: "isolated", home: scratch.path, token }, hostTools: null }),
    discard: children.discard,
    lateModel: () => lateModel,
    busy: () => options.starting() > 0 || !room.fits(spareMemory),
    idleAfter: 3_600_000,
    now,
  });

  const ended = new WeakSet<Session>();
  /** Only the first reason counts: its process's exit, which follows, is none. */
  const end = (session: Session, why: StartReason) => {
    conversations.drop(session);
    children.discard(session.process);
    if (ended.has(session)) return;
    ended.add(session);
    lineages.ended(session.lineage, why);
  };
  const eviction = createEviction({
    conversations,
    running,
    end: (session) => end(session, "evicted"),
    sessionTtl,
    now,
  });
  const room = createRoom({
    children,
    spares,
    eviction,
    leaving,
    end: (session) => end(session, "evicted"),
    memoryMax,
  });
  /** `resting`: the CLI has ended the turn. */
  const dismiss = (session: Session, resting: boolean) => {
    leaving.add(session);
    void farewell(session, limits, resting, now).then(() => leaving.delete(session) && end(session, "ended"));
  };
  /** The login was replaced: what holds another one is of no more use. */
  const retireOthers = (token: string) => {
    spares.retire(token);
    for (const session of conversations.waiting()) if (session.token !== token) end(session, "login");
  };

  let sweeping: Timer | undefined;
  const sweep = () => {
    for (const session of conversations.waiting()) if (now() - session.usedAt > sessionTtl()) end(session, "expired");
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

  const keep = (session: Session, print: Fingerprint, request: ProcessRequest, transcript: Transcript) => {
    // It may have run without room, as the one turn that always may, or the room has become less.
    room.make(0, session.principalId);
    if (liveMax() === 0 || isStartUnknown(session) || !room.fits(0) || isSpent(session, request, transcript)) {
      return dismiss(session, request.hostTools !== null);
    }
    session.held = print;
    session.awaited = new Set(transcript.calls().map(normalisedId));
    // A turn with host tools has ended with the CLI's result, so there is none to wait for.
    session.state = session.awaited.size > 0 ? "parked" : request.hostTools ? "idle" : "settling";
    session.turns++;
    session.hints = request.conversation.hints;
    session.usedAt = now();
    conversations.keep(session);
    settle(session, () => end(session, "ended"));
    eviction.surplus(liveMax());
    // From here on it is ended for a turn that waits for room.
    options.onRoom();
  };

  const begin = (
    process: ClaudeProcess,
    { conversation, principal, identity, login }: ProcessRequest,
    lineage: Lineage,
  ): Session => {
    const session = createSession({
      lineage,
      process,
      principalId: principal.id,
      model: conversation.model,
      token: identity.kind === "isolated" ? identity.token : null,
      login,
      now: now(),
    });
    hear(session, limits, now);
    // Another request for the same conversation, which waited for the same, is to find it here.
    running.add(session);
    return session;
  };

  const holding = (id: string) => {
    if ([...running].some(({ lineage }) => lineage.id === id)) return "running";
    return conversations.waiting().some(({ lineage }) => lineage.id === id) ? "waiting" : null;
  };

  /** A process that holds the conversation, or did before its last messages; null: there is none. */
  const take = async (request: ProcessRequest, about: LineageRequest, prints: Fingerprints): Promise<Found | null> => {
    const { conversation, tools, principal, identity, capabilities } = request;
    const { model, messages } = conversation;
    const token = identity.kind === "isolated" ? identity.token : null;
    const budget = budgetOf(conversation);
    const usable = (candidate: Session) => {
      const { bridge, state } = candidate;
      if (candidate.token !== token) return false;
      // It does not change for the results that a process waits for (2.1.332).
      if (state === "parked" && candidate.budget !== budget) return false;
      if (bridge.offers(tools)) return true;
      return capabilities.changesTools && (state === "parked" ? bridge.grows(tools) : bridge.takes(tools));
    };
    const found = conversations.take(conversation, prints.bound, principal.id, usable, capabilities.rewinds);
    if (!found) return null;
    const { session, results, rewind } = found;
    const held = {
      ...{ session, results, fresh: false, fromStart: false, startedWith: model },
      ...{ question: messages.at(-1) as UserMessage, missing: found.missing },
    };
    if (rewind !== null || found.missing.length > 0) {
      const at = messages.length - 1 - found.missing.length;
      const history = lineages.continued(about, prints, session.lineage.id, at);
      held.missing = history.messages.slice(at, -1);
      held.question = history.messages.at(-1) as UserMessage;
      lineages.follow(session.lineage, history);
    }
    if (rewind === null) return { ...held, path: found.results ? "parked" : "live", reason: null };
    running.add(found.session);
    const isBack = await takeBack(found.session, rewind, request.signal);
    running.delete(found.session);
    if (isBack) return { ...held, path: "rewound", reason: "edited" };
    end(found.session, "edited");
    request.signal.throwIfAborted();
    return null;
  };

  /** What the CLI tells the model at the beginning of a conversation; null: a history goes in over stdin. */
  const remindersFor = ({ conversation, capabilities, hostTools, signal }: ProcessRequest) => {
    if (!capabilities.remindsOnce || hostTools !== null || conversation.messages.length === 1) return null;
    const bin = `${options.locate()} ${capabilities.version}`;
    return unlessAborted(reminders.of(conversation.model, bin), signal);
  };

  const start = async (request: ProcessRequest, about: LineageRequest, prints: Fingerprints): Promise<Found> => {
    const { conversation, principal, identity, capabilities, hostTools, onlyNew } = request;
    const { model } = conversation;
    const token = identity.kind === "isolated" ? identity.token : null;
    const { reason } = lineages.originOf(about, prints, holding);
    const known = await remindersFor(request);
    // Another request may have gone on with it meanwhile.
    const origin = { ...lineages.originOf(about, prints, holding), reason };
    // Its client has moved on with other tools, so nobody will come back to that process.
    for (const each of reason === "tools" ? conversations.waiting() : []) {
      if (each.lineage.id === origin.continues?.id) end(each, "tools");
    }
    const exact = lineages.exact(about, prints, origin.continues?.id);
    const history = exact.messages.slice(0, -1);
    const question = exact.messages.at(-1) as UserMessage;
    const fresh = { reason, fresh: true, question, results: null };
    const lineage = () => lineages.begin(origin, about, exact);
    if (history.length > 0 && known !== null) {
      const { stored, entered } = divided(history, question);
      room.make(sessionMemory, principal.id);
      const process = children.start({
        model,
        identity,
        hostTools,
        history: (sessionId) =>
          sessionFileOf({
            messages: stored,
            reminders: datedAt(known, exact.began ?? now()),
            sessionId,
            model,
            cwd: scratch.path,
            version: capabilities.version,
            entrypoint: "sdk-cli",
            open: entered.length > 0,
            entered: entered[0],
            now: now(),
          }),
      });
      const session = begin(process, request, lineage());
      return { ...fresh, session, path: "resumed", startedWith: model, missing: entered, fromStart: false };
    }
    const spare = onlyNew || token === null || hostTools !== null ? null : spares.take(model, token);
    room.make(spare ? 0 : sessionMemory, principal.id);
    const process = spare?.process ?? children.start({ model, identity, hostTools });
    const session = begin(process, request, lineage());
    const path = spare ? "spare" : "new";
    return { ...fresh, session, path, startedWith: spare?.model ?? model, missing: history, fromStart: true };
  };

  return {
    async checkout(request) {
      lateModel = request.capabilities.lateModel;
      if (request.identity.kind === "isolated") retireOthers(request.identity.token);
      const about = {
        conversation: request.conversation,
        principalId: request.principal.id,
        system: request.system,
        hasHostTools: request.hostTools !== null,
      };
      const prints = lineages.prints(about);
      habits.note(request.principal.id, request.conversation.messages.length > 1);
      const found =
        (request.onlyNew ? null : await take(request, about, prints)) ?? (await start(request, about, prints));
      const { session } = found;
      const askedAt = now();
      session.state = "running";
      session.usedAt = askedAt;
      running.add(session);
      const done = () => {
        running.delete(session);
        conversations.settle(session);
      };
      return {
        ...found,
        asked: (uuid) => session.points.push({ print: prints.bound.at(-2) as Fingerprint, uuid }),
        initialized: () => children.resumed(session.process),
        answered(transcript) {
          const message = transcript.message();
          lineages.answered(session.lineage, {
            print: extend(prints.bound.at(-1) as Fingerprint, message),
            bare: extend(prints.bare.at(-1) as Fingerprint, message),
            content: message.content,
            at: askedAt,
            isFolded: found.results !== null && found.question.content.some(({ type }) => type !== "tool_result"),
            effort: session.hasEffort ? (session.effort ?? session.defaultEffort) : null,
            messages: request.conversation.messages.length + 1,
          });
        },
        keep(transcript) {
          done();
          keep(session, session.lineage.head as Fingerprint, request, transcript);
        },
        kill() {
          done();
          end(session, "ended");
        },
        dismiss() {
          done();
          dismiss(session, request.hostTools !== null);
        },
        retire() {
          done();
          ended.add(session);
          lineages.ended(session.lineage, "ended");
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
      const held = [...running, ...conversations.waiting()]
        .filter((each) => principalId === undefined || each.principalId === principalId)
        .map(({ lineage, process: { pid }, state, usedAt }) => {
          const { id, principalId, model, since, messages, turns, tally } = lineage;
          const figures = { messages, turns, ...tally.figures() };
          return { id, pid, principalId, model, state, reason: null, ...figures, since, usedAt };
        });
      const ids = new Set(held.map(({ id }) => id));
      return [
        ...held,
        ...lineages
          .hibernated(principalId)
          .filter(({ id }) => !ids.has(id))
          .map(hibernatedInfo),
      ];
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
      const held = new Set([...running, ...waiting].map(({ lineage }) => lineage.id));
      const forgotten = lineages.hibernated(principalId).filter(({ id }) => !held.has(id)).length;
      for (const each of waiting) end(each, "cleared");
      lineages.clear(principalId);
      return { ended: waiting.length, forgotten };
    },
    async close() {
      clearTimeout(sweeping);
      spares.close();
      await children.close();
    },
  };
}

/**
 * What of a history stands in the session file, and what is entered behind it: the CLI takes a call at the end of a
 * file for one that was interrupted (2.1.330).
 */
function divided(history: readonly PastMessage[], question: UserMessage) {
  const answers = question.content.some(({ type }) => type === "tool_result");
  const last = history.at(-1);
  if (!answers || last === undefined) return { stored: history, entered: [] };
  return { stored: history.slice(0, -1), entered: [last] };
}

function hibernatedInfo({ ended, head: _, ...known }: KeptConversation): SessionInfo {
  return { ...known, pid: null, state: "hibernated", reason: ended, rebuilds: {} };
}
