/** Stop texts are found wherever they stand, and in whatever pieces the answer comes. */

import { describe, expect, test } from "bun:test";
import { matchStops } from "../../src/claude/stops.ts";

/** What goes out for an answer that comes in these pieces, and the stop text that ended it. */
function run(stops: readonly string[], pieces: readonly string[]) {
  const matcher = matchStops(stops);
  let out = "";
  for (const piece of pieces) {
    const { emit, matched } = matcher.push(piece);
    out += emit;
    if (matched !== null) return { out, matched };
  }
  return { out: out + matcher.flush(), matched: null };
}

/** The same numbers in every run (mulberry32). */
function random(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

describe("stop texts", () => {
  const cases = [
    { name: "none", stops: [], pieces: ["One ", "END"], out: "One END", matched: null },
    { name: "the whole answer", stops: ["END"], pieces: ["E", "N", "D"], out: "", matched: "END" },
    {
      name: "a beginning that goes on otherwise",
      stops: ["aab"],
      pieces: ["a", "a", "ac"],
      out: "aaac",
      matched: null,
    },
    { name: "a beginning within a beginning", stops: ["aab"], pieces: ["a", "a", "a", "b"], out: "a", matched: "aab" },
    { name: "the one that ends first", stops: ["bcd", "abcde"], pieces: ["ab", "cd", "e"], out: "a", matched: "bcd" },
    {
      name: "the longer of two that end together",
      stops: ["cd", "bcd"],
      pieces: ["abc", "d"],
      out: "a",
      matched: "bcd",
    },
    { name: "the shorter of two that begin together", stops: ["abc", "ab"], pieces: ["xabc"], out: "x", matched: "ab" },
    { name: "halves of one character", stops: ["😀"], pieces: ["a\ud83d", "\ude00b"], out: "a", matched: "😀" },
    { name: "a half that another follows", stops: ["😀"], pieces: ["a\ud83d", "\ude01b"], out: "a😁b", matched: null },
  ];
  test.each(cases)("$name", ({ stops, pieces, out, matched }) => {
    expect(run(stops, pieces)).toEqual({ out, matched });
  });

  test("what is found, and what goes out before it, does not depend on the pieces", () => {
    const below = random(7);
    // Few letters, so that stop texts overlap with one another and with themselves; two of them share a half.
    const letters = ["a", "b", "😀", "😁"];
    const word = (longest: number) =>
      Array.from({ length: 1 + below(longest) }, () => letters[below(letters.length)]).join("");
    let found = 0;
    for (let round = 0; round < 20_000; round++) {
      const stops = Array.from({ length: 1 + below(3) }, () => word(4));
      const answer = word(12);
      const pieces: string[] = [];
      for (let from = 0; from < answer.length; ) {
        const to = from + 1 + below(4);
        pieces.push(answer.slice(from, to));
        from = to;
      }
      const whole = run(stops, [answer]);
      expect({ stops, pieces, ...run(stops, pieces) }).toEqual({ stops, pieces, ...whole });
      if (whole.matched === null) expect(stops.some((stop) => answer.includes(stop))).toBe(false);
      else {
        found++;
        expect(answer).toStartWith(whole.out + whole.matched);
        expect(stops.some((stop) => (whole.out + whole.matched).slice(0, -1).includes(stop))).toBe(false);
      }
    }
    expect(found).toBeGreaterThan(5_000);
  });
});
