/** Text that would act on a terminal, and what must never get there. */

import { createRandom } from "../../harness/random.ts";

/** Whatever is printed of a hostile text has this in it. */
export const marker = "HOSTILE";

const pieces = [
  "\u001b]0;owned\u0007",
  "\u001b]52;c;b3duZWQ=\u0007",
  "\u001b]8;;http://evil/\u001b\\",
  "\u001b[2J",
  "\u001b[35m",
  "\u001b[1;1H",
  "\u001bP$q\u001b\\",
  "\u001bc",
  "\u009b2J",
  "\u009d0;owned\u009c",
  "\u0090q\u009c",
  "\u0085",
  "\u007f\u007f",
  "\b\b\b",
  "\rocp: all is well",
  "\u0000",
  "\u000e\u000f",
  "\u202eevil",
  "\u2066evil\u2069",
  "\u200b",
  "\u200f",
  "\u2028",
  "\ufeff",
  "\u{e0041}",
  "plain é 漢 🙂",
];

/** As many texts as are asked for, the same ones for the same seed. */
export function createHostileText(seed: number): () => string {
  const random = createRandom(seed);
  const control = () => String.fromCharCode(random.chance(0.5) ? random.int(32) : random.between(0x7f, 0x9f));
  return () => {
    const parts = Array.from({ length: random.between(2, 6) }, () =>
      random.chance(0.3) ? control() : random.pick(pieces),
    );
    return `${marker}${parts.join("")}`;
  };
}

const forbidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Our own colours. A hostile text has others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences
const ownStyles = /\u001b\[(0|1|2|4|22|24|31|32|33|36|39)m/g;

/** What is on the screen, or in the pipe, and must not be: each character with what is around it. */
export function forbiddenIn(output: string, isTerminal: boolean): string[] {
  const text = isTerminal ? output.replaceAll("\r\n", "\n").replace(ownStyles, "") : output;
  return [...text.matchAll(forbidden)].map(({ index }) =>
    JSON.stringify(text.slice(Math.max(0, index - 20), index + 20)),
  );
}
