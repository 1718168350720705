/** Chance that can be repeated: the same seed gives the same choices. */

export interface Random {
  /** From 0, below `below`. */
  int(below: number): number;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  bytes(count: number): Buffer;
  /** Characters of all kinds. */
  text(most: number): string;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  /** Mulberry32. */
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  const pick = <T>(choices: readonly T[]): T => choices[int(choices.length)] as T;
  return {
    int,
    pick,
    chance: (probability) => next() < probability,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => int(256))),
    text: (most) => Array.from({ length: int(most + 1) }, () => pick(characters)).join(""),
  };
}

/** Letters, what means something in URLs, headers, JSON or shells, and what is long, odd or half in UTF-8 or UTF-16. */
const characters = [
  ..."abcXYZ019 -_.~/?#[]@!$&'()*+,;=%\"\\{}<>^`|:",
  ..."\u0000\u0001\u0008\t\n\r\u001b\u007f\u0080\u00e9\u200b\u202e\u2028\ufeff\uffff",
  "\ud83d\ude00",
  "\ud800",
  "\udc00",
  "%00",
  "%2e%2e/",
  "%ff",
  "../",
  "\\u0000",
  "@file",
  "/command",
];
