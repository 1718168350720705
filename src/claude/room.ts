/** Holds all processes together to the machine's memory, and ends what is least missed when it runs short. */

import type { Children } from "./children.ts";
import type { Eviction } from "./eviction.ts";
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
  /** Ends what is least missed until so many more bytes fit, if that is possible. `wantedBy`: the principal that wants them. */
  make(bytes: number, wantedBy: string | null): void;
  /** Whether one more turn may run beside so many. */
  forTurnBeside(turns: number): boolean;
}

export interface RoomOptions {
  children: Children;
  spares: Pick<Spares<unknown>, "count" | "evict">;
  eviction: Pick<Eviction, "forMemory">;
  /** What has answered and is about to go. */
  leaving: Set<Session>;
  end: (session: Session) => void;
  /** Bytes for all processes together; asked when it is needed. */
  memoryMax: () => number;
}

export function createRoom({ children, spares, eviction, leaving, end, memoryMax }: RoomOptions): Room {
  function memory(): number {
    const others = children.living - spares.count;
    return children.living === 0 ? 0 : sharedMemory + spares.count * spareMemory + others * sessionMemory;
  }

  const fits = (bytes: number) => memory() + bytes <= memoryMax();

  /** Whether there was anything to end. */
  function endOne(wantedBy: string | null): boolean {
    const [spent] = leaving;
    if (spent) {
      leaving.delete(spent);
      end(spent);
      return true;
    }
    if (spares.evict()) return true;
    return eviction.forMemory((memoryMax() - sharedMemory) / sessionMemory, wantedBy);
  }

  return {
    memory,
    fits,
    make(bytes, wantedBy) {
      while (!fits(bytes) && endOne(wantedBy));
    },
    forTurnBeside(turns) {
      // Spares and whatever waits make place when it is needed, and results that come for a parked call bring their
      // process along.
      const count = turns + children.released;
      return turns === 0 || sharedMemory + (count + 1) * sessionMemory <= memoryMax();
    },
  };
}
