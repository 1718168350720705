/** Between two turns: waits until a process says that it takes the next message, and notices when it is of no more use. */

import type { Session } from "./session.ts";

/** How long, in ms, a process may take from the end of its answer until it is ready for the next message. */
const settleTime = 10_000;

/** Sets `session.ready`. `onUseless` is called when the process ended, failed, or did something else than wait. */
export function settle(session: Session, onUseless: () => void): void {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  session.ready = promise;
  const useless = (why: string) => {
    clearTimeout(timer);
    reject(new Error(why));
    onUseless();
  };
  const timer = setTimeout(useless, settleTime, "it did not become ready");
  const ready = () => {
    clearTimeout(timer);
    if (session.state === "settling") session.state = "idle";
    resolve();
  };
  session.process.listen({
    frame(frame) {
      if (frame.type !== "result") return;
      if (frame.is_error) useless("its turn failed after its answer");
      else if (session.awaited.size > 0) useless("it did not wait for its results");
      else ready();
    },
    exit: () => useless("it ended"),
  });
  if (session.state !== "settling") ready();
}
