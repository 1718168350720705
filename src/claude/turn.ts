/** Drives one attempt at a turn: a process, the conversation into it, its frames out as events, the end. */

import { OcpError } from "../core/errors.ts";
import type { HostTools } from "../core/host-tools.ts";
import type { TurnEvent } from "../core/turn.ts";
import { createAnswer } from "./answer.ts";
import type { Attempt } from "./backend.ts";
import { createChannel } from "./channel.ts";
import { type Delivery, deliver } from "./deliver.ts";
import {
  adjust,
  budgetOf,
  dialNames,
  dialsOf,
  type EffortLevel,
  effortOf,
  interrupt,
  lostThinking,
  seal,
  sealed,
} from "./dials.ts";
import { failureOf } from "./failure.ts";
import { offered, systemOf } from "./offer.ts";
import type { Checkout, Processes } from "./processes.ts";
import type { CliFrame, FlagSettings, HostRequest } from "./protocol.ts";
import type { Left, Verdict } from "./reading.ts";
import { ask, replay } from "./replay.ts";
import { createSpan } from "./span.ts";
import { createToolSet, type ToolSet } from "./tool-set.ts";
import { createTranscript } from "./transcript.ts";

/**
 * How long, in ms, an answer that has begun may stay without content before its process is sealed. With content it is
 * sealed at once, but after that content went out: the CLI needs 8 ms for it, in which it says nothing.
 */
const sealAfter = 10;

export interface HeadlessAttempt extends Attempt {
  /** Null: the turn runs without tools of this host. */
  hostTools: HostTools | null;
  processes: Processes;
  now: () => number;
}

/**
 * Yields the answer's events. Throws OcpError when the turn fails, and the signal's reason when it aborts.
 * Whatever happens, the process has been given back or killed when this returns, and killed in the very moment in
 * which it could begin to do something else than answer.
 */
export async function* attempt(options: HeadlessAttempt): AsyncGenerator<TurnEvent, void, void> {
  const { conversation, output, ignored, lease, signal, now } = options;
  const tools = createToolSet(offered(options));
  const checkout = await start(options, tools);
  const { session, path, reason, missing, question, results, fresh } = checkout;
  const { process, bridge } = session;
  const events = createChannel<TurnEvent>();
  const replayed = createChannel<void>();
  const transcript = createTranscript();
  const choice = conversation.toolbox?.choice.type;
  ignored.push(...lostThinking(conversation));
  const heard = {
    ignored,
    path,
    reason,
    emit(event: TurnEvent) {
      session.lineage.tally.add(event);
      transcript.add(event);
      events.push(event);
    },
    now,
  };
  const answer = options.hostTools
    ? createSpan(heard)
    : createAnswer({
        ...heard,
        stop: options.stop,
        nameOf: bridge.nameOf,
        mustCall: choice === "any" || choice === "tool",
        output,
      });
  let asked = false;
  let delivery: Delivery | null = null;
  let over = false;
  let gone = false;
  let sealing: Timer | null = null;
  const sealNow = () => {
    if (sealing === null) return;
    clearTimeout(sealing);
    sealing = null;
    process.request(seal).catch(() => {});
    session.dials = sealed(session.dials);
  };

  const finish = (left: Left) => {
    if (over) return;
    over = true;
    delivery?.stop();
    if (sealing) clearTimeout(sealing);
    process.listen(null);
    options.onProcessDone(answer.begun);
    if (lease.mayRefresh && !answer.started && !gone) {
      for (const request of [interrupt, seal]) process.request(request).catch(() => {});
      checkout.retire().then(lease.settle);
      return;
    }
    lease.settle();
    // The CLI itself answers a call whose arguments are none.
    if (left === "astray" || !transcript.faithful) checkout.kill();
    else if (left === "clean" && lease.identity.kind === "isolated") checkout.keep(transcript);
    else checkout.dismiss();
  };
  const fail = (error: unknown) => {
    finish("astray");
    replayed.fail(error);
    events.fail(error);
  };
  const judge = (verdict: Verdict) => {
    if (verdict.kind === "failed") fail(verdict.error);
    else if (verdict.kind === "ended") {
      // A client sees a text where the process has called the tool that takes an answer in JSON.
      if (verdict.left !== "spent" && transcript.faithful) checkout.answered(transcript);
      finish(verdict.left);
    } else if (verdict.kind === "validating") {
      process.listen(null);
      sealNow();
      verdict.decided.then((decide) => {
        if (!over) judge(decide());
      }, fail);
    }
  };
  const onFrame = (frame: CliFrame) => {
    delivery?.frame(frame);
    if (frame.type === "assistant" && !frame.parent_tool_use_id) transcript.note(frame.message.content);
    if (!asked) {
      if (frame.type !== "result") return;
      if (frame.is_error) fail(failureOf(frame, null, now()));
      else replayed.push();
      return;
    }
    const { started, begun } = answer;
    const verdict = answer.accept(frame);
    if (answer.started && !started) {
      lease.settle();
      if (!options.hostTools) sealing = setTimeout(sealNow, sealAfter);
      options.onBegin();
    }
    if (answer.begun && !begun) sealNow();
    judge(verdict);
  };
  const onAbort = () => fail(signal.reason);
  const send = (request: HostRequest, onAnswer?: (response: unknown) => void) =>
    process.request(request, onAnswer).catch((cause) => {
      fail(new OcpError("upstream_failed", `The claude CLI refused to ${request.subtype}.`, { cause }));
    });

  const listen = () =>
    process.listen({
      frame: onFrame,
      exit: (exit) => {
        gone = true;
        const cause = new Error(`claude exited with ${exit.code ?? exit.signal} ${exit.stderr}`.trimEnd());
        fail(new OcpError("upstream_failed", "The claude process ended before its answer did.", { cause }));
      },
    });
  signal.addEventListener("abort", onAbort, { once: true });

  try {
    signal.throwIfAborted();
    if (!fresh) {
      await Promise.race([session.ready, aborted(signal)]).catch((cause) => {
        throw signal.aborted ? signal.reason : new OcpError("upstream_failed", "The claude process ended.", { cause });
      });
    }
    listen();
    const wanted = effortOf(conversation);
    const also: FlagSettings = fresh ? bindings(checkout) : {};
    if (wanted !== session.effort && !results) {
      also.effortLevel = wanted ?? null;
      session.effort = wanted;
    }
    const own = wanted ?? (session.defaultEffort as EffortLevel | null) ?? undefined;
    const another = wanted === session.effort || !session.hasEffort ? undefined : own;
    const dials = dialsOf(conversation, options.forcing, another);
    if (fresh) {
      const servers = tools.tools.length > 0 ? { sdkMcpServers: [bridge.offer(tools)] } : {};
      send({ subtype: "initialize", systemPrompt: [systemOf(options)], ...servers }, (response) => {
        checkout.initialized();
        const about = modelIn(response, conversation.model);
        session.hasEffort = about === null || about.supportsEffort === true;
        if (conversation.sampling.effort === "none" && about?.supportsThinkingOff === false) ignored.push("effort");
        // The end of the turn asks for it, and may have come in the same piece of output.
        const start = process.startedWith(pidIn(response), dialNames);
        if (start instanceof Promise) start.then((values) => (session.start = values));
        else session.start = start;
      });
    } else if (!bridge.offers(tools) && results) {
      const { notification, listed } = bridge.replace(tools);
      await send(notification);
      const ended = process.exited.then(() =>
        Promise.reject(new OcpError("upstream_failed", "The claude process ended.")),
      );
      ended.catch(() => {});
      await Promise.race([listed, ended, unlisted(signal)]);
    } else if (!bridge.offers(tools)) {
      const name = bridge.offer(tools);
      await send({
        subtype: "mcp_set_servers",
        servers: tools.tools.length > 0 ? { [name]: { type: "sdk", name } } : {},
      });
    }
    for (const request of adjust(session.dials, dials, session.start, also)) send(request);
    if (fresh && options.capabilities.remindsOnce) {
      process
        .request({ subtype: "get_settings" }, (response) => {
          session.defaultEffort = effortIn(response);
        })
        .catch(() => {});
    }
    const budget = budgetOf(conversation);
    if (budget !== session.budget) send({ subtype: "set_max_thinking_tokens", max_thinking_tokens: budget });
    session.budget = budget;
    session.dials = dials;
    await replay(process, missing, conversation.model, () => replayed.next(), checkout.fromStart);
    asked = true;
    if (results) delivery = deliver(bridge, results);
    else checkout.asked(ask(process, question, options.capabilities));
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

async function start(options: HeadlessAttempt, tools: ToolSet): Promise<Checkout> {
  const { conversation, principal, lease, capabilities, processes, signal } = options;
  try {
    signal.throwIfAborted();
    return await processes.checkout({
      conversation,
      system: systemOf(options),
      tools,
      principal,
      identity: lease.identity,
      login: lease.mayRefresh ? null : (lease.credential?.token ?? null),
      capabilities,
      hostTools: options.hostTools,
      onlyNew: lease.mayRefresh,
      signal,
    });
  } catch (error) {
    lease.settle();
    throw error;
  }
}

/** What a fresh process is told once, beside its system prompt and tools. */
function bindings({ startedWith, session }: Checkout): FlagSettings {
  return startedWith === session.model ? {} : { model: session.model };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** The CLI's own pid, in its answer to `initialize` (2.1.197, 2.1.330). */
function pidIn(response: unknown): unknown {
  return (response as { pid?: unknown } | undefined)?.pid;
}

/** The effort that applies, which is the model's own where none was asked for; null: it is not told, or has none. */
function effortIn(response: unknown): string | null {
  const applied = (response as { applied?: { effort?: unknown } } | undefined)?.applied;
  return typeof applied?.effort === "string" ? applied.effort : null;
}

/** How long, in ms, the CLI may take to list tools that have changed. */
const listingTime = 5_000;

async function unlisted(signal: AbortSignal): Promise<never> {
  await Promise.race([Bun.sleep(listingTime), aborted(signal)]);
  throw new OcpError("upstream_failed", "The claude CLI did not take the changed tools.");
}

interface ModelInfo {
  supportsEffort?: unknown;
  /** 2.1.330. */
  supportsThinkingOff?: unknown;
}

/** What the CLI's list of models, in its answer to `initialize`, says of one; null: it is not in there. */
function modelIn(response: unknown, model: string): ModelInfo | null {
  const { models } = (response ?? {}) as { models?: unknown };
  if (!Array.isArray(models)) return null;
  return models.find((entry) => entry?.resolvedModel === model) ?? null;
}
