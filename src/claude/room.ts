/** Holds all processes together to the machine's memory, and ends what is least missed when it runs short. */

import type { Children } from "./children.ts";
import type { Conversations } from "./conversations.ts";
import type { Session } from "./session.ts";
import type { Spares } from "./spares.ts";

const MiB = 1024 * 1024;
/** Measured on 2.1.197 and 2.1.330: what all processes share, and what a spare and a conversation hold of their own. */
const sharedMemory = 70 * MiB;
export const spareMemory = 105 * MiB;
export const sessionMemory = 170 * MiB;

export interface Room {
  /** Bytes that the processes take, by the measured figures. */
  memory(): number;
  /** Whether so many more bytes fit as things are. */
  fits(bytes: number): boolean;
  /** Ends what is least missed until so many more bytes fit, if that is possible. */
  make(bytes: number): void;
  /** Whether one more turn may run beside so many. */
  forTurnBeside(turns: number): boolean;
}

export interface RoomOptions {
  children: Children;
  spares: Pick<Spares<unknown>, "count" | "evict">;
  conversations: Conversations<Session>;
  /** What has answered and is about to go. */
  leaving: Set<Session>;
  end: (session: Session) => void;
  /** Bytes for all processes together; asked when it is needed, as is the next. */
  memoryMax: () => number;
  /** Ms. */
  sessionTtl: () => number;
  /** Epoch ms. */
  now: () => number;
}

export function createRoom(options: RoomOptions): Room {
  const { children, spares, conversations, leaving, end, memoryMax, sessionTtl, now } = options;
  const isOld = (session: Session) => now() - session.usedAt > sessionTtl() / 2;

  function memory(): number {
    const others = children.living - spares.count;
    return children.living === 0 ? 0 : sharedMemory + spares.count * spareMemory + others * sessionMemory;
  }

  const fits = (bytes: number) => memory() + bytes <= memoryMax();

  /** Whether there was anything to end. */
  function endOne(): boolean {
    const [spent] = leaving;
    if (spent) {
      leaving.delete(spent);
      end(spent);
      return true;
    }
    if (spares.evict()) return true;
    const waiting = conversations.waiting();
    const victim = waiting.find(({ state }) => state !== "parked") ?? waiting.find(isOld);
    if (victim) end(victim);
    return victim !== undefined;
  }

  return {
    memory,
    fits,
    make(bytes) {
      while (!fits(bytes) && endOne());
    },
    forTurnBeside(turns) {
      // Spares, waiting conversations, and parked ones past half their time make place when it is needed.
      const fixed = conversations.waiting().filter((one) => one.state === "parked" && !isOld(one)).length;
      const count = turns + fixed + children.released;
      return turns === 0 || sharedMemory + (count + 1) * sessionMemory <= memoryMax();
    },
  };
}
