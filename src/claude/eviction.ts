/** Chooses which waiting process is ended when there are too many: fair between principals, like the admission queue. */

import type { Conversations, Holder } from "./conversations.ts";

type Held = Pick<Holder, "principalId" | "state">;

export interface Choice<S extends Held> {
  /** All that wait, least recently used first. */
  waiting: readonly S[];
  /** Held too, and never chosen. */
  running: Iterable<Held>;
  /** How many processes there may be. */
  capacity: number;
  /** The principal that wants one more; null: nobody does. */
  wantedBy: string | null;
  /** Tells that a process is ended only when there is no other to end. */
  isLast: (session: S) => boolean;
}

/**
 * Spares every principal that holds no more than its equal share of the capacity, as long as another one holds more.
 * Among the others, the principal that holds most loses its least recently used. Undefined: nothing waits.
 */
export function chooseVictim<S extends Held>(choice: Choice<S>): S | undefined {
  const { waiting, running, capacity, wantedBy, isLast } = choice;
  const counts = new Map<string, number>();
  const countOf = (principalId: string) => counts.get(principalId) ?? 0;
  const count = (principalId: string) => counts.set(principalId, countOf(principalId) + 1);
  for (const { principalId } of [...running, ...waiting]) count(principalId);
  if (wantedBy !== null) count(wantedBy);
  const share = capacity / counts.size;
  const greedy = preferred(waiting, ({ principalId }) => countOf(principalId) > share);
  const candidates = preferred(greedy, (session) => !isLast(session));
  const most = Math.max(...candidates.map(({ principalId }) => countOf(principalId)));
  return candidates.find(({ principalId }) => countOf(principalId) === most);
}

export interface Eviction {
  /** Ends one, so that `capacity` processes remain possible; false: nothing waits. */
  forMemory(capacity: number, wantedBy: string | null): boolean;
  /** Ends those that are more than may wait. */
  surplus(max: number): void;
}

export interface EvictionOptions<S extends Holder> {
  conversations: Pick<Conversations<S>, "waiting">;
  running: ReadonlySet<S>;
  end: (session: S) => void;
  /** Ms. */
  sessionTtl: () => number;
  /** Epoch ms. */
  now: () => number;
}

export function createEviction<S extends Holder>(options: EvictionOptions<S>): Eviction {
  const { conversations, running, end, sessionTtl, now } = options;
  /** Its results are likely to come soon; those of a call that is older may have been given up by their client. */
  const isAwaited = ({ state, usedAt }: S) => state === "parked" && now() - usedAt <= sessionTtl() / 2;

  return {
    forMemory(capacity, wantedBy) {
      const waiting = conversations.waiting();
      const victim = chooseVictim({ waiting, running, capacity, wantedBy, isLast: isAwaited });
      if (victim) end(victim);
      return victim !== undefined;
    },
    surplus(max) {
      for (;;) {
        const waiting = conversations.waiting();
        if (waiting.length <= max) return;
        const isLast = () => false;
        const victim = chooseVictim({ waiting, running: [], capacity: max, wantedBy: null, isLast });
        if (victim) end(victim);
      }
    },
  };
}

/** Returns the sessions for which the condition holds, or all where it holds for none. */
function preferred<S>(sessions: readonly S[], condition: (session: S) => boolean): readonly S[] {
  const found = sessions.filter(condition);
  return found.length > 0 ? found : sessions;
}
