/** Chance that also gives bytes and texts of the odd kind. */

import * as chance from "../../harness/random.ts";

export interface Random extends chance.Random {
  bytes(count: number): Buffer;
  /** Characters of all kinds. */
  text(most: number): string;
}

/** The same seed gives the same choices. */
export function createRandom(seed: number): Random {
  const random = chance.createRandom(seed);
  return {
    ...random,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => random.int(256))),
    text: (most) => Array.from({ length: random.int(most + 1) }, () => random.pick(characters)).join(""),
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
