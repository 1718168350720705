/** Drives one attempt at a turn: a process, the conversation into it, its frames out as events, the end. */

import type { Conversation, Sampling } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { Principal } from "../core/principal.ts";
import type { TurnEvent } from "../core/turn.ts";
import { createAnswer } from "./answer.ts";
import type { Capabilities } from "./capabilities.ts";
import { createChannel } from "./channel.ts";
import { dial, interrupt, seal } from "./dials.ts";
import { failureOf } from "./failure.ts";
import type { Lease } from "./login.ts";
import type { Checkout, Processes } from "./processes.ts";
import type { CliFrame, HostRequest } from "./protocol.ts";
import { ask, replay } from "./replay.ts";

export interface Attempt {
  conversation: Conversation;
  /** Texts that end the answer, whether or not they are sent upstream. */
  stop: readonly string[];
  /** Parameters that were left out of it. */
  ignored: Array<keyof Sampling>;
  principal: Principal;
  lease: Lease;
  capabilities: Capabilities;
  processes: Processes;
  /** Aborted by the client's leaving or the deadline; its reason is what the attempt throws. */
  signal: AbortSignal;
  /** Called once, when the process answers no more; `begun`: something went out, so this was the last attempt. */
  onProcessDone: (begun: boolean) => void;
  now: () => number;
}

/**
 * Yields the answer's events. Throws OcpError when the turn fails, and the signal's reason when it aborts.
 * Whatever happens, the process has been given back or killed when this returns, and killed in the very moment in
 * which it could begin to do something else than answer.
 */
export async function* attempt(options: Attempt): AsyncGenerator<TurnEvent, void, void> {
  const { conversation, stop, ignored, lease, capabilities, signal, now } = options;
  const { process, missing, release, retire } = start(options);
  const events = createChannel<TurnEvent>();
  const replayed = createChannel<void>();
  const answer = createAnswer({ stop, ignored, path: "new", emit: events.push, now });
  let asked = false;
  let over = false;
  let gone = false;

  const finish = (clean: boolean) => {
    if (over) return;
    over = true;
    process.listen(null);
    options.onProcessDone(answer.begun);
    if (lease.mayRefresh && !answer.started && !gone) {
      for (const request of [interrupt, seal]) process.request(request).catch(() => {});
      retire().then(lease.settle);
    } else {
      lease.settle();
      release(clean);
    }
  };
  const fail = (error: unknown) => {
    finish(false);
    replayed.fail(error);
    events.fail(error);
  };
  const onFrame = (frame: CliFrame) => {
    if (!asked) {
      if (frame.type !== "result") return;
      if (frame.is_error) fail(failureOf(frame, null, now()));
      else replayed.push();
      return;
    }
    const before = answer.started;
    const verdict = answer.accept(frame);
    if (answer.started && !before) {
      lease.settle();
      process.request(seal).catch(() => {});
    }
    if (verdict.kind === "failed") fail(verdict.error);
    else if (verdict.kind === "ended") finish(verdict.clean);
  };
  const onAbort = () => fail(signal.reason);

  process.listen({
    frame: onFrame,
    exit: (exit) => {
      gone = true;
      const cause = new Error(`claude exited with ${exit.code ?? exit.signal}: ${exit.stderr}`);
      fail(new OcpError("upstream_failed", "The claude process ended before its answer did.", { cause }));
    },
  });
  signal.addEventListener("abort", onAbort, { once: true });

  try {
    const requests: HostRequest[] = [
      { subtype: "initialize", systemPrompt: [conversation.system] },
      ...dial(conversation.sampling),
    ];
    for (const request of requests) {
      process.request(request).then(
        (response) => {
          if (request.subtype !== "initialize" || conversation.sampling.effort !== "none") return;
          if (alwaysThinks(response, conversation.model)) ignored.push("effort");
        },
        (cause) => fail(new OcpError("upstream_failed", `The claude CLI refused to ${request.subtype}.`, { cause })),
      );
    }
    await replay(process, missing, conversation.model, () => replayed.next());
    asked = true;
    ask(process, conversation, capabilities);
    for (;;) {
      const event = await events.next();
      yield event;
      if (event.type === "end") return;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    finish(false);
  }
}

function start({ conversation, principal, lease, processes, signal }: Attempt): Checkout {
  try {
    signal.throwIfAborted();
    return processes.checkout({ conversation, principal, identity: lease.identity });
  } catch (error) {
    lease.settle();
    throw error;
  }
}

/** Whether the CLI's list of models, in its answer to `initialize`, says that thinking cannot be turned off (2.1.330). */
function alwaysThinks(response: unknown, model: string): boolean {
  const { models } = (response ?? {}) as { models?: unknown };
  if (!Array.isArray(models)) return false;
  return models.some((entry) => entry?.resolvedModel === model && entry.supportsThinkingOff === false);
}
