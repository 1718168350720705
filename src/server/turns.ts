/** Runs a turn in its place among the others: the one spot that sees every turn begin and end, however it ends. */

import type { Admission } from "../core/admission.ts";
import type { Conversation } from "../core/conversation.ts";
import type { OcpError } from "../core/errors.ts";
import type { Engine, Log, TurnContext } from "../core/ports.ts";
import type { TurnEvent } from "../core/turn.ts";
import { asOcpError } from "./errors.ts";

export interface TurnStats {
  /** Turns asked for since the start. */
  total: number;
  /** Waiting or running. */
  active: number;
  /** Ended with an error; clients that left are none. */
  errors: number;
  timeouts: number;
}

export interface Turns {
  /**
   * Nothing happens before the iterator is first advanced. An aborted signal ends the wait or the turn and frees the
   * place at once. Throws OcpError, and on an aborted signal its reason.
   */
  run(conversation: Conversation, context: TurnContext): AsyncGenerator<TurnEvent, void, void>;
  stats(): TurnStats;
}

export function createTurns(engine: Engine, admission: Admission, log: Log): Turns {
  const stats: TurnStats = { total: 0, active: 0, errors: 0, timeouts: 0 };

  function failure(thrown: unknown, requestId: string): OcpError {
    const error = asOcpError(thrown, log, requestId);
    stats.errors++;
    if (error.code === "timeout") stats.timeouts++;
    return error;
  }

  async function* run(conversation: Conversation, context: TurnContext): AsyncGenerator<TurnEvent, void, void> {
    const { principal, signal, requestId } = context;
    stats.total++;
    stats.active++;
    try {
      const slot = await admission.acquire(principal.id, signal);
      // A suspended generator does not notice an abort, so its `finally` alone would come too late.
      signal.addEventListener("abort", slot.release, { once: true });
      try {
        // The place follows the process: a client that reads slowly keeps none from others.
        yield* engine.run(conversation, { ...context, onDone: slot.release });
      } finally {
        signal.removeEventListener("abort", slot.release);
        slot.release();
      }
    } catch (thrown) {
      throw signal.aborted ? signal.reason : failure(thrown, requestId);
    } finally {
      stats.active--;
    }
  }

  return { run, stats: () => ({ ...stats }) };
}
