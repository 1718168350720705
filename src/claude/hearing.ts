/** What a process says of the plan: after each answer by itself, and at its end, where it knows more, when asked. */

import type { Limits } from "./limits.ts";
import type { Session } from "./session.ts";

/** Listens to all that the process of this session ever says. `now` in epoch ms. */
export function hear(session: Session, limits: Limits, now: () => number): void {
  const { model, login } = session;
  session.process.observe((frame) => {
    if (frame.type === "stream_event" && frame.event?.type === "message_start") {
      session.answeredAt = now();
      if (!frame.parent_tool_use_id) limits.answered({ model, login, at: session.answeredAt });
    } else if (frame.type === "rate_limit_event") {
      // Of an answer it comes after the end, and tells what was true at the beginning.
      limits.tell(frame.rate_limit_info, { model, login, at: session.answeredAt ?? now() });
    } else if (frame.type === "result") {
      session.answeredAt = null;
    }
  });
}

/** How long, in ms, a process may take for its last words: a busy machine needs a tenth of a second for them. */
const patience = 500;

/**
 * Lets a process that has given its answer and is not kept say what the API's headers told of the plan: it comes some
 * ms after the answer's end, and would be lost with the process (2.1.197, 2.1.330). `resting`: it has come already.
 * Resolves when nothing more is to be heard.
 */
export async function farewell(session: Session, limits: Limits, resting: boolean, now: () => number): Promise<void> {
  const { process, model, token, login } = session;
  const at = session.answeredAt ?? now();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  const inOwnersHome = token === null;
  /**
   * In the owner's home 2.1.197 knows more than it says by itself. It asks nobody for it, as long as
   * CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC is set (recipe.ts).
   */
  const rested = async () => {
    if (inOwnersHome && limits.wantsFigures(now())) {
      const answer = await process.request({ subtype: "get_usage", skip_behaviors: true }).catch(() => null);
      limits.tellUsage(answer, { model, login, at });
    }
    resolve();
  };
  process.listen({
    frame(frame) {
      if (frame.type === "result" || (frame.type === "rate_limit_event" && !inOwnersHome)) void rested();
    },
    exit: () => resolve(),
  });
  if (resting) void rested();
  await promise;
  clearTimeout(timer);
}
