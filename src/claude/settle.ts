/** Between two turns: waits until a process says that it takes the next message, and notices when it is of no more use. */

import { adjust, unsealed } from "./dials.ts";
import type { CliFrame } from "./protocol.ts";
import type { Session } from "./session.ts";

/** How long, in ms, a process may take from the end of its answer until it is ready for the next message. */
const settleTime = 10_000;

/**
 * Sets `session.ready`. `onUseless` is called when the process ended, failed, or did something else than wait.
 * The API's address, which its answer took from it (`seal`), is given back as soon as it can ask nothing by itself:
 * on the next turn's way it would cost that turn 8 ms.
 */
export function settle(session: Session, onUseless: () => void): void {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  session.ready = promise;
  const { process, awaited } = session;
  const useless = (why: string) => {
    clearTimeout(timer);
    reject(new Error(why));
    onUseless();
  };
  const timer = setTimeout(useless, settleTime, "it did not become ready");
  const unseal = () => {
    const open = unsealed(session.dials);
    for (const request of adjust(session.dials, open, session.start)) {
      process.request(request).catch(() => useless("it did not take the API's address back"));
    }
    session.dials = open;
  };
  const ready = () => {
    clearTimeout(timer);
    if (session.state === "settling") session.state = "idle";
    resolve();
  };
  process.listen({
    frame(frame) {
      // A whole message with calls: the CLI waits for their results.
      if (awaited.size > 0 && isMessageStop(frame)) unseal();
      if (frame.type !== "result") return;
      if (frame.is_error) return useless("its turn failed after its answer");
      if (awaited.size > 0) return useless("it did not wait for its results");
      unseal();
      ready();
    },
    exit: () => useless("it ended"),
  });
  if (session.state !== "settling") ready();
}

function isMessageStop(frame: CliFrame): boolean {
  return frame.type === "stream_event" && !frame.parent_tool_use_id && frame.event.type === "message_stop";
}
