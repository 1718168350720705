/** Lets a turn run when it is its turn: never more than the server may do at once, and fair between principals. */

import type { Admission } from "../../core/admission.ts";
import type { Engine, Layer } from "../../core/ports.ts";

/** `now`: milliseconds of any origin. */
export function admitted(
  admission: Admission,
  { bringsProcess }: Pick<Engine, "bringsProcess">,
  now: () => number,
): Layer {
  return (next) =>
    async function* admit(conversation, context) {
      const { principal, signal, note } = context;
      const since = now();
      const brings = () => bringsProcess(conversation, principal.id);
      const slot = await admission.acquire(principal.id, signal, brings).finally(() => {
        note.queuedMs = now() - since;
      });
      // A suspended generator does not notice an abort, so its `finally` alone would come too late.
      signal.addEventListener("abort", slot.release, { once: true });
      try {
        // The place follows the process: a client that reads slowly keeps none from others.
        yield* next(conversation, { ...context, onDone: slot.release });
      } finally {
        signal.removeEventListener("abort", slot.release);
        slot.release();
      }
    };
}
