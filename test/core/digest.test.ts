import { expect, test } from "bun:test";
import { digestOf } from "../../src/core/digest.ts";

const long = "x".repeat(200_000);

test.each<[string, unknown, unknown]>([
  ["a text and a number", "1", 1],
  ["one text and two", ["ab"], ["a", "b"]],
  ["texts that join to the same", ["ab", "c"], ["a", "bc"]],
  ["a text that looks like the next", ['a"1:b'], ["a", "b"]],
  ["a list and its nesting", [1, [2]], [[1], 2]],
  ["an object and a list", { a: 1 }, ["a", 1]],
  ["the order of keys", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["null and nothing", { a: null }, {}],
  ["the end of a long text", `${long}a`, `${long}b`],
  ["an emoji where long texts are cut", `${"x".repeat(65_535)}😀`, `${"x".repeat(65_535)}😁`],
])("%s differ", (_name, one, other) => {
  expect(digestOf(one)).not.toBe(digestOf(other));
  expect(digestOf(structuredClone(one))).toBe(digestOf(one));
});

test("what JSON leaves out does not count", () => {
  expect(digestOf({ a: 1, b: undefined })).toBe(digestOf({ a: 1 }));
});

test("any depth is hashed", () => {
  expect(digestOf(JSON.parse("[".repeat(100_000) + "]".repeat(100_000)))).toHaveLength(43);
});
