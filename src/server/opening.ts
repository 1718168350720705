/** Waits for how a turn begins, because that decides the response's head: a status of its own, or 200 and a stream. */

import type { TurnEvent } from "../core/turn.ts";

export interface Opening {
  /** Null when the patience ran out first. */
  first: TurnEvent | null;
  /** All events of the turn, the first one included. */
  events: AsyncGenerator<TurnEvent, void, void>;
}

/**
 * Starts the turn and waits for its first event, `patience` ms at most (null: as long as it takes).
 * Throws what the turn throws in that time; later errors come from `events`.
 */
export async function open(turn: AsyncGenerator<TurnEvent, void, void>, patience: number | null): Promise<Opening> {
  const beginning = turn.next();
  const settled = await within(beginning, patience);
  return { first: settled && !settled.done ? settled.value : null, events: resume(beginning, turn) };
}

async function within<T>(promise: Promise<T>, ms: number | null): Promise<T | null> {
  if (ms === null) return promise;
  let timer: Timer | undefined;
  const patience = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([promise, patience]);
  } finally {
    clearTimeout(timer);
  }
}

async function* resume(
  beginning: Promise<IteratorResult<TurnEvent, void>>,
  turn: AsyncGenerator<TurnEvent, void, void>,
): AsyncGenerator<TurnEvent, void, void> {
  try {
    const first = await beginning;
    if (first.done) return;
    yield first.value;
    yield* turn;
  } finally {
    await turn.return();
  }
}
