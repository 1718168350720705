/** Answers through interactive sessions of the CLI, each in a terminal of its own: the owner's opt-in (CLAUDE_TUI_MODE). */

import type { Conversation, ToolResultBlock, UserMessage } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { estimateInputTokens } from "../../core/estimate.ts";
import type { HostTools } from "../../core/host-tools.ts";
import type { Log } from "../../core/ports.ts";
import type { ProcessPath, StartReason, TurnEvent } from "../../core/turn.ts";
import type { Attempt, Backend } from "../backend.ts";
import { createChannel } from "../channel.ts";
import { createConversations } from "../conversations.ts";
import { createEviction } from "../eviction.ts";
import { extend, type Fingerprint, fingerprints } from "../fingerprint.ts";
import { hostToolsFor } from "../host-tools.ts";
import type { Limits } from "../limits.ts";
import { normalisedId } from "../names.ts";
import type { Left, Verdict } from "../reading.ts";
import type { Identity } from "../recipe.ts";
import { createSpares } from "../spares.ts";
import { startReason } from "../start-reason.ts";
import { createTally } from "../tally.ts";
import { createTranscript, type Transcript } from "../transcript.ts";
import { createTerminalAnswer, settling } from "./answer.ts";
import { type Binding, bindingOf, keyOf } from "./binding.ts";
import { limitIn } from "./failure.ts";
import { createFigures } from "./figures.ts";
import { historyOf } from "./history.ts";
import { prepareHome } from "./home.ts";
import { type Prompt, promptOf } from "./prompt.ts";
import { type HeldTerminal, openTerminal, type TerminalSession } from "./session.ts";
import type { TerminalSettings } from "./settings.ts";
import { createStation } from "./station.ts";

const MiB = 1024 * 1024;
/** Measured on 2.1.197 and 2.1.330: what all sessions share, and what one holds of its own. */
const sharedMemory = 70 * MiB;
const sessionMemory = 200 * MiB;

/** What stands in for a message that is nothing but results whose calls nobody waits for any more. */
const afterResults: UserMessage = { role: "user", content: [{ type: "text", text: "Go on with these results." }] };

export interface TerminalBackendOptions {
  terminal: TerminalSettings;
  /** Of whom the login is. */
  paths: { home: string; claudeConfig: string };
  /** Absolute path of the CLI; throws OcpError not_ready when there is none. */
  locate: () => string;
  upstreamUrl: string | undefined;
  environment: Record<string, string | undefined>;
  /** Null: the operator lets the model use none. */
  hostTools: HostTools | null;
  /** Bytes for all sessions together; this and the next two are asked when they are needed. */
  memoryMax: () => number;
  /** OCP_LIVE_MAX. */
  liveMax: () => number;
  /** CLAUDE_SESSION_TTL, ms. */
  sessionTtl: () => number;
  /** Turns that wait for their first token. */
  starting: () => number;
  /** Called when a session has gone and given its memory back. */
  onRoom: () => void;
  limits: Limits;
  log: Log;
  /** Epoch ms. */
  now: () => number;
}

/** A session for one turn, out of reach of any other. */
interface Checkout {
  held: HeldTerminal;
  path: ProcessPath;
  /** Why the session did not hold the conversation; null: it did. */
  reason: StartReason | null;
  /** The results that it waits for, instead of a message. */
  results: ToolResultBlock[] | null;
}

export async function createTerminalBackend(options: TerminalBackendOptions): Promise<Backend> {
  const { terminal: settings, memoryMax, liveMax, sessionTtl, limits, now } = options;
  const home = await prepareHome(settings, options.paths);
  const station = createStation();
  const figures = createFigures(settings.entrypoint !== "off");
  const conversations = createConversations<HeldTerminal>();
  const running = new Set<HeldTerminal>();
  const living = new Set<TerminalSession>();
  /** Sessions that are writing the owner's login, or may be. */
  const retiring = new Set<TerminalSession>();
  const bindings = new Map<string, { binding: Binding; identity: Identity }>();
  let serial = 0;
  let wanted: string | null = null;

  const open = (
    binding: Binding,
    identity: Identity,
    history: ((sessionId: string) => string) | null,
  ): TerminalSession => {
    let session: TerminalSession;
    const bin = options.locate();
    try {
      session = openTerminal({
        ...options,
        ...{ bin, binding, identity, history, home, station },
        owner: options.paths.home,
        settings: { ...settings, cwd: home.cwd },
      });
    } catch (error) {
      // Bun's own text repeats the environment, where the token is.
      const cause = new Error((error as NodeJS.ErrnoException).code ?? "unknown");
      throw new OcpError("not_ready", "The claude CLI could not be started.", { cause });
    }
    living.add(session);
    void session.exited.then(() => {
      living.delete(session);
      options.onRoom();
    });
    return session;
  };
  const end = (held: HeldTerminal) => {
    conversations.drop(held);
    held.process.kill();
  };

  const spares = createSpares<TerminalSession>({
    size: () => settings.poolSize,
    boot(key) {
      const known = bindings.get(key);
      if (!known) throw new Error("a session is booted for what was asked for");
      figures.booted();
      const session = open(known.binding, known.identity, null);
      return session;
    },
    discard(session) {
      figures.dropped();
      session.process.kill();
    },
    lateModel: () => false,
    busy: () => options.starting() > 0 || memory() + sessionMemory > memoryMax(),
    idleAfter: 600_000,
    onFailure: figures.bootFailed,
    now,
  });
  function memory(): number {
    const count = [...living].filter(({ leaving }) => !leaving).length;
    return count === 0 ? 0 : sharedMemory + count * sessionMemory;
  }
  const eviction = createEviction({ conversations, running, end, sessionTtl, now });
  /** Ends what is least missed until so many more bytes fit, if that is possible. */
  const makeRoom = (bytes: number, wantedBy: string | null) => {
    const capacity = (memoryMax() - sharedMemory) / sessionMemory;
    while (memory() + bytes > memoryMax() && (spares.evict() || eviction.forMemory(capacity, wantedBy)));
  };
  const sweep = () => {
    for (const held of conversations.waiting()) if (now() - held.usedAt > sessionTtl()) end(held);
    eviction.surplus(liveMax());
  };
  const sweeping = setInterval(sweep, 5_000);
  sweeping.unref();

  const hold = (session: TerminalSession, principalId: string): HeldTerminal => {
    const held: HeldTerminal = {
      terminal: session,
      id: `t${++serial}`,
      model: session.binding.model,
      since: now(),
      principalId,
      process: session.process,
      state: "running",
      held: null,
      awaited: new Set(),
      hints: [],
      points: [],
      usedAt: now(),
      messages: 0,
      turns: 0,
      tally: createTally(),
    };
    void session.exited.then(() => conversations.drop(held));
    return held;
  };

  async function checkout(
    { conversation, principal, lease, capabilities }: Attempt,
    prints: readonly Fingerprint[],
    binding: Binding,
  ): Promise<Checkout> {
    const { identity } = lease;
    const token = identity.kind === "isolated" ? identity.token : null;
    if (token !== null) {
      spares.retire(token);
      for (const held of conversations.waiting()) if (held.terminal.token !== token) end(held);
    }
    const key = keyOf(binding);
    if (!lease.mayRefresh) {
      const found = conversations.take(
        conversation,
        prints,
        principal.id,
        (held) => held.terminal.token === token && held.terminal.key === key && isAsLeft(held),
      );
      // What a client adds before its last message was never said here.
      if (found && found.missing.length === 0)
        return { held: found.session, path: found.results ? "parked" : "live", reason: null, results: found.results };
      found?.session.process.kill();
    }
    await home.admit(identity.home);
    const reason = startReason(conversation);
    const fresh = conversation.messages.length === 1;
    if (fresh && token !== null && !lease.mayRefresh) {
      bindings.clear();
      bindings.set(key, { binding, identity });
      wanted = binding.model;
      const spare = spares.take(key, token);
      if (settings.poolSize > 0) figures.pooled(spare !== null);
      if (spare) return { held: hold(spare.process, principal.id), path: "spare", reason, results: null };
    }
    makeRoom(sessionMemory, principal.id);
    const { results } = parted(conversation);
    const past = results ? [...conversation.messages.slice(0, -1), results] : conversation.messages.slice(0, -1);
    const history =
      past.length === 0
        ? null
        : (sessionId: string) =>
            historyOf({
              messages: past,
              sessionId,
              model: conversation.model,
              cwd: home.cwd,
              version: capabilities.version,
              now: now(),
            });
    return { held: hold(open(binding, identity, history), principal.id), path: "new", reason, results: null };
  }

  const keep = (held: HeldTerminal, print: Fingerprint, conversation: Conversation, transcript: Transcript) => {
    makeRoom(0, held.principalId);
    if (liveMax() === 0 || memory() > memoryMax()) return held.process.kill();
    held.held = extend(print, transcript.message());
    held.awaited = new Set(transcript.calls().map(normalisedId));
    held.state = held.awaited.size > 0 ? "parked" : "idle";
    held.messages = conversation.messages.length + 1;
    held.turns++;
    held.hints = conversation.hints;
    held.usedAt = now();
    conversations.keep(held);
    sweep();
  };

  async function* attempt(one: Attempt): AsyncGenerator<TurnEvent, void, void> {
    const { conversation, output, ignored, lease, signal, principal } = one;
    const hostTools = hostToolsFor(options.hostTools, principal, conversation);
    let taken: Checkout;
    let prompt: Prompt | null;
    let prints: readonly Fingerprint[];
    try {
      const binding = bindingOf({ attempt: one, hostTools, settings });
      prints = fingerprints(conversation, {
        principalId: principal.id,
        system: keyOf(binding),
        hasHostTools: hostTools !== null,
        answersOf: () => [],
      }).bound;
      signal.throwIfAborted();
      prompt = promptOf(parted(conversation).rest ?? afterResults);
      taken = await checkout(one, prints, binding);
    } catch (error) {
      lease.settle();
      throw error;
    }
    const { held, path, reason, results } = taken;
    const { terminal } = held;
    running.add(held);
    held.state = "running";
    held.usedAt = now();
    const events = createChannel<TurnEvent>();
    const transcript = createTranscript();
    const choice = conversation.toolbox?.choice.type;
    const answer = createTerminalAnswer({
      model: conversation.model,
      ignored,
      path,
      reason,
      stop: one.stop,
      nameOf: terminal.bridge.nameOf,
      mustCall: choice === "any" || choice === "tool",
      output,
      spans: hostTools !== null,
      entered: results !== null,
      past: terminal.past,
      estimateInput: () => estimateInputTokens(conversation),
      emit(event) {
        held.tally.add(event);
        transcript.add(event);
        events.push(event);
      },
      now,
    });
    let over = false;
    /** All of the answer has come. */
    let validating = false;
    let looking: Timer | undefined;
    let heard = false;
    let entrypoint: string | null = null;

    const finish = (left: Left) => {
      if (over) return;
      over = true;
      clearTimeout(looking);
      terminal.listen(null);
      running.delete(held);
      conversations.settle(held);
      one.onProcessDone(answer.begun);
      if (lease.mayRefresh && !heard) {
        retiring.add(terminal);
        void terminal.retire().then(() => {
          retiring.delete(terminal);
          lease.settle();
        });
        return;
      }
      lease.settle();
      if (left === "clean" && transcript.faithful && lease.identity.kind === "isolated") {
        keep(held, prints.at(-1) as Fingerprint, conversation, transcript);
      } else {
        held.process.kill();
      }
    };
    const fail = (error: unknown) => {
      if (!over) figures.failed(answer);
      finish("astray");
      events.fail(error);
    };
    const begin = () => {
      if (heard) return;
      heard = true;
      lease.settle();
      one.onBegin();
      limits.answered({ model: conversation.model, login: loginOf(one), at: now() });
    };
    const judge = (verdict: Verdict) => {
      if (verdict.kind === "failed") fail(verdict.error);
      else if (verdict.kind === "validating") {
        validating = true;
        verdict.decided.then((decide) => {
          if (!over) judge(decide());
        }, fail);
      } else if (verdict.kind === "ended") {
        figures.answered(answer, entrypoint);
        finish(verdict.left);
      }
    };
    /** Looks at the whole when nothing has been written for a while. */
    const look = () => {
      clearTimeout(looking);
      looking = setTimeout(() => {
        if (over || validating) return;
        const verdict = answer.settled(terminal.called);
        if (verdict.kind === "ended") begin();
        judge(verdict);
      }, settling);
    };
    terminal.listen({
      display(event) {
        if (over || validating) return;
        begin();
        judge(answer.display(event));
      },
      lines(lines) {
        if (over || validating) return;
        for (const line of lines) {
          if (line.type === "assistant" && typeof line.entrypoint === "string") entrypoint = line.entrypoint;
          if (line.type === "assistant" && !line.isApiErrorMessage) begin();
          const limit = line.isApiErrorMessage ? limitIn(line) : null;
          if (limit) limits.tell(limit, { model: conversation.model, login: loginOf(one), at: now() });
        }
        judge(answer.read(lines));
        look();
      },
      stopped(last) {
        if (over || validating) return;
        judge(answer.stopped(last));
        look();
      },
      called: look,
      failed: fail,
    });
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });

    const asking = async () => {
      if (results) return terminal.resolve(results);
      if (path === "live") await terminal.rested(signal);
      await terminal.ask(prompt as Prompt, signal);
    };
    try {
      asking().catch(fail);
      for (;;) {
        const event = await events.next();
        yield event;
        if (event.type === "end") return;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      finish("astray");
    }
  }

  return {
    attempt,
    hasRoom: (admitted) => {
      const turns = Math.max(running.size, admitted);
      return turns === 0 || sharedMemory + (turns + 1) * sessionMemory <= memoryMax();
    },
    bringsProcess(conversation, principalId) {
      const held = conversations.awaiting(conversation, principalId);
      if (held) held.usedAt = now();
      return held !== null;
    },
    counts() {
      const waiting = conversations.waiting();
      const parked = waiting.filter(({ state }) => state === "parked").length;
      return { running: running.size, parked, live: waiting.length - parked, spare: spares.count };
    },
    memory,
    sessions: (principalId) =>
      [...running, ...conversations.waiting()]
        .filter((each) => principalId === undefined || each.principalId === principalId)
        .map(({ id, terminal, principalId: owner, model, state, messages, turns, tally, since, usedAt }) => {
          const figures = { messages, turns, ...tally.figures() };
          const { pid } = terminal.pty;
          return { id, pid, principalId: owner, model, state, reason: null, ...figures, since, usedAt };
        }),
    clear(principalId) {
      const waiting = conversations
        .waiting()
        .filter((each) => principalId === undefined || each.principalId === principalId);
      for (const each of waiting) end(each);
      return { ended: waiting.length, forgotten: 0 };
    },
    reconsider() {
      sweep();
      makeRoom(0, null);
      spares.reconsider();
    },
    async close() {
      clearInterval(sweeping);
      spares.close();
      for (const session of living) if (!retiring.has(session)) session.process.kill();
      await Promise.all([...living].map(({ exited }) => exited));
      station.close();
    },
    terminal() {
      const { pool, ...rest } = figures.status();
      const warm = spares.processes.filter(({ pty }) => pty.screen.openings > 0).length;
      return {
        home: settings.home.path,
        cwd: home.cwd,
        problem: home.problem(),
        entrypointMode: settings.entrypoint,
        ...rest,
        pool: { ...pool, size: settings.poolSize, warm, booting: spares.count - warm, model: wanted },
      };
    },
  };
}

/** Whether no call has come since that the client was not told of. */
function isAsLeft({ terminal, awaited }: HeldTerminal): boolean {
  return terminal.called.size === awaited.size;
}

function loginOf({ lease }: Attempt): string | null {
  return lease.mayRefresh ? null : (lease.credential?.token ?? null);
}

/**
 * The last message as the results of calls, which are entered as what is past, and as what can be asked; null: it has
 * none of that.
 */
function parted({ messages }: Conversation): { results: UserMessage | null; rest: UserMessage | null } {
  const { content } = messages.at(-1) as UserMessage;
  const part = (isResult: boolean): UserMessage | null => {
    const blocks = content.filter(({ type }) => (type === "tool_result") === isResult);
    return blocks.length === 0 ? null : { role: "user", content: blocks };
  };
  return { results: part(true), rest: part(false) };
}
