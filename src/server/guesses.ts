/**
 * Makes guessing keys slow. Wrong keys are counted by neighbour: the first few are refused at once, the next later
 * and later, and then with 429 for a while. Meanwhile a neighbour has a few keys looked at, no more, while answers to
 * its wrong ones are held back; only keys that were right before, from the same neighbour, are always looked at. So
 * a right key waits for nobody's wrong ones, and a guesser gets through two keys a second.
 */

import { createHash } from "node:crypto";
import { neighbourOf } from "../core/address.ts";
import { OcpError } from "../core/errors.ts";

/** Wrong keys that cost nothing: a person mistypes, a program has an old one. */
const free = 5;
/** The wrong keys after which they are answered with 429. */
const patience = 10;
/** More are not remembered. */
const most = 15;
/** Ms after which one wrong key is forgotten. */
const forgetting = 10_000;
/** Ms. */
const firstDelay = 250;
const longestDelay = 2_000;
/** Answers of one neighbour that are held back at a time. */
const heldEach = 4;
/** Answers of all that keep their connection waiting; what is over is answered at once. */
const heldInAll = 128;
/** Neighbours that are remembered, the last seen ones. */
const remembered = 4_096;
/** Right keys that are remembered of each. */
const provenEach = 16;

export interface GuessesOptions {
  /** Ms of any origin. */
  now: () => number;
  /** Resolves after `ms`; rejects when the signal aborts first. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface Guesses {
  /** To be called before a key is looked at. Throws OcpError too_many_wrong_keys when it may not be now. */
  check(address: string | null, key: string): void;
  /** It was right. */
  right(address: string | null, key: string): void;
  /** It was wrong: resolves when that may be told. Throws OcpError too_many_wrong_keys. */
  wrong(address: string | null, signal: AbortSignal): Promise<void>;
}

interface Neighbour {
  /** Wrong keys that are not forgotten yet, at the time `at`. */
  wrong: number;
  at: number;
  /** When the answers that are held back now go out. */
  held: number[];
  /** Digests of keys that were right. */
  proven: Set<string>;
}

export function createGuesses({ now, pause }: GuessesOptions): Guesses {
  /** The one that was seen last is the last. */
  const neighbours = new Map<string, Neighbour>();
  let heldNow = 0;

  function of(address: string | null): Neighbour {
    const name = address === null ? "" : neighbourOf(address);
    const known = neighbours.get(name) ?? { wrong: 0, at: now(), held: [], proven: new Set() };
    neighbours.delete(name);
    neighbours.set(name, known);
    const [oldest] = neighbours.keys();
    if (neighbours.size > remembered && oldest !== undefined) neighbours.delete(oldest);
    const forgotten = Math.floor((now() - known.at) / forgetting);
    known.wrong = Math.max(0, known.wrong - forgotten);
    known.at += forgotten * forgetting;
    known.held = known.held.filter((until) => until > now());
    return known;
  }

  return {
    check(address, key) {
      const { held, proven } = of(address);
      if (held.length >= heldEach && !proven.has(digest(key))) throw tooMany(longestDelay / 1000);
    },
    right(address, key) {
      const { proven } = of(address);
      const known = digest(key);
      proven.delete(known);
      proven.add(known);
      const [oldest] = proven;
      if (proven.size > provenEach && oldest !== undefined) proven.delete(oldest);
    },
    async wrong(address, signal) {
      const neighbour = of(address);
      if (neighbour.wrong === 0) neighbour.at = now();
      neighbour.wrong = Math.min(most, neighbour.wrong + 1);
      const count = neighbour.wrong;
      const delay = count <= free ? 0 : Math.min(longestDelay, firstDelay * 2 ** (count - free - 1));
      if (delay > 0) {
        // Who leaves meanwhile has its next keys looked at no sooner.
        neighbour.held.push(now() + delay);
        if (heldNow < heldInAll) {
          heldNow++;
          await pause(delay, signal).finally(() => heldNow--);
        }
      }
      if (count >= patience) throw tooMany(((count - patience + 1) * forgetting) / 1000);
    },
  };
}

function digest(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}

/** `seconds` until a wrong key is answered as such again. */
function tooMany(seconds: number): OcpError {
  const sentence = "Too many wrong keys came from this address. Check the key that is sent, and try again later.";
  return new OcpError("too_many_wrong_keys", sentence, { retryAfter: seconds });
}
