/** Runs a turn in its place among the others: the one spot that sees every turn begin and end, however it ends. */

import { createHash } from "node:crypto";
import type { Admission } from "../core/admission.ts";
import { createBrake } from "../core/brake.ts";
import type { Conversation } from "../core/conversation.ts";
import type { OcpError } from "../core/errors.ts";
import type { Engine, Log, RequestContext, Runner } from "../core/ports.ts";
import { noUsage, type ProcessPath, type TurnEvent, type Usage } from "../core/turn.ts";
import { asOcpError } from "./errors.ts";
import { pause } from "./pause.ts";

export interface TurnStats {
  /** Turns asked for since the start. */
  total: number;
  /** Waiting or running. */
  active: number;
  /** Ended with an error; clients that left are none. */
  errors: number;
  timeouts: number;
  /** Ended answers by the kind of process that gave them. */
  paths: Record<ProcessPath, { turns: number; usage: Usage }>;
}

export interface Turns {
  /**
   * Nothing happens before the iterator is first advanced. An aborted signal ends the wait or the turn and frees the
   * place at once. Throws OcpError, and on an aborted signal its reason.
   */
  run: Runner;
  stats(): TurnStats;
}

export interface TurnsOptions {
  engine: Engine;
  admission: Admission;
  log: Log;
  repeatLimit: number;
  /** What a request meets before it is admitted. */
  around: (next: Runner) => Runner;
}

export function createTurns({ engine, admission, log, repeatLimit, around }: TurnsOptions): Turns {
  const none = () => ({ turns: 0, usage: { ...noUsage } });
  const paths = { parked: none(), live: none(), spare: none(), new: none() };
  const stats: TurnStats = { total: 0, active: 0, errors: 0, timeouts: 0, paths };
  const brake = createBrake(repeatLimit, () => performance.now());

  async function* counted(events: AsyncGenerator<TurnEvent, void, void>): AsyncGenerator<TurnEvent, void, void> {
    let path: ProcessPath = "new";
    for await (const event of events) {
      if (event.type === "start") path = event.path;
      if (event.type === "end") {
        const entry = stats.paths[path];
        entry.turns++;
        for (const kind of Object.keys(noUsage) as Array<keyof Usage>) entry.usage[kind] += event.usage[kind];
      }
      yield event;
    }
  }

  function failure(thrown: unknown, requestId: string): OcpError {
    const error = asOcpError(thrown, log, requestId);
    stats.errors++;
    if (error.code === "timeout") stats.timeouts++;
    return error;
  }

  async function* admitted(conversation: Conversation, context: RequestContext) {
    const { principal, signal, note } = context;
    const request = digest(conversation);
    const wait = brake.check(principal.id, request);
    if (wait > 0) await pause(wait, signal);
    const slot = await admission.acquire(principal.id, signal);
    note.queuedMs = slot.queuedMs;
    // A suspended generator does not notice an abort, so its `finally` alone would come too late.
    signal.addEventListener("abort", slot.release, { once: true });
    try {
      // The place follows the process: a client that reads slowly keeps none from others.
      yield* counted(engine.run(conversation, { ...context, onDone: slot.release }));
    } finally {
      brake.answered(principal.id, request);
      signal.removeEventListener("abort", slot.release);
      slot.release();
    }
  }

  const answered = around(admitted);

  async function* run(conversation: Conversation, context: RequestContext): AsyncGenerator<TurnEvent, void, void> {
    const { signal, requestId } = context;
    stats.total++;
    stats.active++;
    try {
      yield* answered(conversation, context);
    } catch (thrown) {
      throw signal.aborted ? signal.reason : failure(thrown, requestId);
    } finally {
      stats.active--;
    }
  }

  return { run, stats: () => ({ ...stats }) };
}

function digest(conversation: Conversation): string {
  return createHash("sha256").update(JSON.stringify(conversation)).digest("base64url");
}
