/** Whom a turn with many readers is charged to, and what it keeps of what it said. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import type { TurnNote } from "../../src/core/ports.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { freshNote } from "../../src/core/turn-note.ts";
import { createFlight } from "../../src/server/turns/flight.ts";
import { aborted, blockStart, ending, start, text } from "./served.ts";

type Events = AsyncGenerator<TurnEvent, void, void>;

function flightOf(turn: (signal: AbortSignal, note: TurnNote) => Events) {
  const log: string[] = [];
  const flight = createFlight({
    begin: turn,
    onEnd: () => log.push("ended"),
    onClosed: () => log.push("closed"),
  });
  const reader = () => {
    const client = new AbortController();
    const own = freshNote();
    const events = flight.read(client.signal, own);
    const next = async () => {
      const { done, value } = await events.next();
      return done ? "done" : value.type;
    };
    return { events, next, note: own, leave: () => client.abort(new DOMException("gone", "AbortError")) };
  };
  return { flight, reader, log };
}

/** Has waited 7 ms, and says its pieces at once. */
async function* says(note: TurnNote, ...pieces: string[]): Events {
  note.queuedMs = 7;
  yield start;
  yield blockStart;
  for (const piece of pieces) yield text(piece);
  yield* ending;
}

const paying: TurnNote = { ...freshNote(), queuedMs: 7, cache: "miss" };
const following: TurnNote = { ...freshNote(), cache: "follower" };

describe("a turn is charged to", () => {
  test("who asked first, and nobody else", async () => {
    const { reader } = flightOf((_signal, note) => says(note, "a"));
    const [first, second] = [reader(), reader()];
    await Promise.all([first.next(), second.next()]);
    expect([first.note, second.note]).toEqual([paying, following]);
    for (const one of [first, second]) while ((await one.next()) !== "done");
    expect([first.note, second.note]).toEqual([paying, following]);
  });

  test("who stays, when who asked first leaves", async () => {
    const { reader } = flightOf((_signal, note) => says(note, "a", "b"));
    const [first, second, third] = [reader(), reader(), reader()];
    for (const one of [first, second, third]) await one.next();
    first.leave();
    expect([first.note, second.note, third.note]).toEqual([following, paying, following]);
    await expect(first.next()).rejects.toThrow("gone");
    second.leave();
    expect([first.note, second.note, third.note]).toEqual([following, following, paying]);
    while ((await third.next()) !== "done");
    expect(third.note).toEqual(paying);
  });

  test("the last one, when all leave", async () => {
    const { reader, log } = flightOf((_signal, note) => says(note, "a"));
    const [first, second] = [reader(), reader()];
    for (const one of [first, second]) await one.next();
    first.leave();
    second.leave();
    expect([first.note, second.note]).toEqual([following, paying]);
    expect(log).toEqual(["closed"]);
  });

  test("who leaves while nothing has been said, with what is known and will be", async () => {
    const { reader } = flightOf(async function* (signal, note) {
      note.queuedMs = 7;
      await aborted(signal);
      note.queuedMs = 8;
      yield start;
    });
    const only = reader();
    const waiting = only.next();
    expect(only.note).toEqual(paying);
    only.leave();
    await expect(waiting).rejects.toThrow("gone");
    expect(only.note).toEqual({ ...freshNote(), queuedMs: 8, cache: "miss" });
  });

  test("who asked first, whose quota shortens the answer for all", async () => {
    const { reader } = flightOf(async function* (_signal, note) {
      note.outputLimit = 5;
      yield* says(note, "a");
    });
    const [first, second] = [reader(), reader()];
    for (const one of [first, second]) await one.next();
    expect([first.note.outputLimit, second.note]).toEqual([5, { ...following, outputLimit: 5 }]);
  });

  test("who hears its end, not to one who has not come to that and may leave before", async () => {
    const { reader, log } = flightOf((_signal, note) => says(note, "a"));
    const [slow, fast] = [reader(), reader()];
    await slow.next();
    while ((await fast.next()) !== "end");
    expect([slow.note, fast.note]).toEqual([following, paying]);
    expect(log).toEqual(["ended", "closed"]);
    slow.leave();
    expect([slow.note, fast.note]).toEqual([following, paying]);
    expect(await fast.next()).toBe("done");
  });

  test("who has heard its end, also when that one leaves right then", async () => {
    const { reader } = flightOf((_signal, note) => says(note, "a"));
    const [slow, fast] = [reader(), reader()];
    await slow.next();
    while ((await fast.next()) !== "end");
    await fast.events.return();
    expect([slow.note, fast.note]).toEqual([following, paying]);
    while ((await slow.next()) !== "done");
    expect([slow.note, fast.note]).toEqual([following, paying]);
  });

  test("one who hears of its failure", async () => {
    const { reader } = flightOf(async function* (_signal, note) {
      note.queuedMs = 7;
      yield start;
      throw new OcpError("overloaded", "Overloaded.");
    });
    const [slow, fast] = [reader(), reader()];
    await slow.next();
    await fast.next();
    await expect(fast.next()).rejects.toThrow("Overloaded.");
    expect([slow.note, fast.note]).toEqual([following, paying]);
    await expect(slow.next()).rejects.toThrow("Overloaded.");
  });
});

describe("a turn that says more than any model", () => {
  const piece = "x".repeat(1024 * 1024);
  const endless = () => {
    let said = 0;
    const turn = flightOf(async function* () {
      yield start;
      yield blockStart;
      for (; said < 100; said++) yield text(piece);
      yield* ending;
    });
    return { ...turn, said: () => said };
  };

  test("takes no more readers, is not kept, and is told to its end", async () => {
    const { reader, log } = endless();
    const only = reader();
    let characters = 0;
    for await (const event of only.events) {
      if (event.type === "delta" && event.delta.type === "text") characters += event.delta.text.length;
    }
    expect(characters).toBe(100 * piece.length);
    expect(log).toEqual(["closed"]);
  });

  test("lets go who is too far behind, and nobody else", async () => {
    const { reader, flight, said } = endless();
    const [slow, near, fast] = [reader(), reader(), reader()];
    await slow.next();
    for (let at = 0; at < 110; at++) {
      const seen = await fast.next();
      if (seen === "done") break;
      if (said() > 20) await near.next();
    }
    expect(flight.readers()).toBe(1);
    await expect(slow.next()).rejects.toThrow("read so slowly");
    while ((await near.next()) !== "done");
    expect([slow.note, fast.note.cache]).toEqual([following, "miss"]);
    expect(flight.readers()).toBe(0);
  });
});

test("a turn that waits to be read is ended when its last reader leaves", async () => {
  const ended = Promise.withResolvers<boolean>();
  const { reader } = flightOf(async function* (signal) {
    try {
      yield start;
      yield blockStart;
    } finally {
      ended.resolve(signal.aborted);
    }
  });
  const only = reader();
  await only.next();
  only.leave();
  expect(await ended.promise).toBe(true);
});

test("a reader's signal that has aborted reads nothing, and begins nothing", async () => {
  let begun = false;
  const { flight, log } = flightOf(async function* () {
    begun = true;
    yield start;
  });
  const events = flight.read(AbortSignal.abort(new Error("gone")), freshNote());
  await expect(events.next()).rejects.toThrow("gone");
  expect([begun, log, flight.readers()]).toEqual([false, [], 0]);
});
