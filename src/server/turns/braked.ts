/**
 * Slows a client that repeats itself without end. It stands behind the cache, since it saves the plan, and an answer
 * that was kept costs none; and before anything is set aside for the request, since it may make it wait.
 */

import type { Brake } from "../../core/brake.ts";
import { digestOf } from "../../core/digest.ts";
import { OcpError } from "../../core/errors.ts";
import type { Layer } from "../../core/ports.ts";
import { pause } from "../pause.ts";

export function braked(brake: Brake): Layer {
  return (next) =>
    async function* slow(conversation, context) {
      const { principal, signal } = context;
      const request = digestOf(conversation);
      const wait = brake.check(principal.id, request);
      if (wait > 0) await pause(wait, signal);
      let asked = true;
      try {
        yield* next(conversation, context);
      } catch (error) {
        // Who is told to come back soon and does is no storm.
        asked = !(error instanceof OcpError && (error.code === "queue_full" || error.reason === "queue_full"));
        throw error;
      } finally {
        if (asked) brake.answered(principal.id, request);
      }
    };
}
