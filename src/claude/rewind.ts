/** Takes a process back to an earlier message of its conversation: it then holds what it held before (2.1.330). */

import type { RewindPoint } from "./conversations.ts";
import { unlessAborted } from "./login.ts";
import type { Session } from "./session.ts";

/** How long, in ms, the CLI may take. Measured: 1 to 90. */
const patience = 2_000;

/**
 * Resolves to whether the process is where it was before the message of this point. Otherwise it is in no known state,
 * also when the signal aborted.
 */
export async function takeBack(session: Session, to: RewindPoint, signal: AbortSignal): Promise<boolean> {
  const last = session.points.at(-1);
  if (last === undefined) return false;
  try {
    await unlessAborted(session.ready, signal);
    const request = session.process.request({
      subtype: "rewind_conversation",
      target_message_uuid: to.uuid,
      last_seen_user_message_uuid: last.uuid,
    });
    const answer = await unlessAborted(Promise.race([request, Bun.sleep(patience)]), signal);
    if ((answer as { rewound?: unknown } | undefined)?.rewound !== true) return false;
  } catch {
    return false;
  }
  session.points = session.points.slice(0, session.points.indexOf(to));
  return true;
}
