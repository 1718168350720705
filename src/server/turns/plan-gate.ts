/**
 * Refuses requests while the owner's plan is used up, without a process for each: until the window resets, or until
 * one request a minute, which goes through as a probe, is answered.
 */

import { planLimitReached, refusalFor } from "../../core/plan.ts";
import type { Engine, Layer } from "../../core/ports.ts";

export interface PlanGateOptions {
  plan: Engine["plan"];
  /** Epoch ms. */
  clock: () => number;
}

/** Milliseconds between two probes, and from a refusal to the first one. */
const probeEvery = 60_000;

/**
 * Throws OcpError plan_limit with the time of the reset. A refusal of one kind of model closes only that kind; one
 * that extra usage pays for closes nothing, since then the model's side refuses nothing.
 */
export function createPlanGate({ plan, clock }: PlanGateOptions): Layer {
  let probedAt = Number.NEGATIVE_INFINITY;
  return (next) =>
    async function* gate(conversation, context) {
      const refusal = refusalFor(await plan(), conversation.model, clock());
      if (refusal !== null) {
        const now = clock();
        const since = now - Math.max(probedAt, refusal.at);
        // A clock that was set back makes no time that has to pass.
        if (since >= 0 && since < probeEvery) {
          throw planLimitReached(refusal.window, refusal.resetsAt, now);
        }
        probedAt = now;
      }
      yield* next(conversation, context);
    };
}
