/** One value of a file with comments changes; every other character stays. */

import { describe, expect, test } from "bun:test";
import { diffChars } from "diff";
import { changed } from "../../src/edit/format.ts";
import { json5, jsonc } from "../../src/edit/json.ts";
import type { Path } from "../../src/edit/path.ts";

const value = { a: 1, b: [true] };
const set = (text: string, path: Path, to: unknown) => changed(json5, text, [{ path, value: to }]);

describe("a value is put in, and all that was there stays", () => {
  test.each<[string, Path, string | undefined]>([
    ["", ["x"], undefined],
    ["  \n", ["x"], undefined],
    ["{}", ["x"], '{\n  "x": {\n    "a": 1,\n    "b": [\n      true\n    ]\n  }\n}'],
    ['{ "k": 1 }', ["x"], undefined],
    ["{ // nothing yet\n}\n", ["x"], undefined],
    ['{\n    // c\n    "k": {"y":1},\n}\n', ["x"], undefined],
    [
      '{\n\t"k": {}\n}\n',
      ["k", "x"],
      '{\n\t"k": {\n\t\t"x": {\n\t\t\t"a": 1,\n\t\t\t"b": [\n\t\t\t\ttrue\n\t\t\t]\n\t\t}\n\t}\n}\n',
    ],
    ['{\r\n  "k": {\r\n    "x": 5, // five\r\n    "z": 6 // six\r\n  }\r\n}', ["k", "y"], undefined],
    ['\uFEFF{\n  "k": 1 /* , */ // one\n}', ["x"], undefined],
    ["{unquoted: 'single', hex: 0x10, list: [1, 2,],\n}", ["deep", "er", "x"], undefined],
    ["{ k: [\n  'a', // first\n] }", ["k", { is: "b" }], undefined],
    ["{ k: [] }", ["k", { is: "b" }], undefined],
  ])("%j at %j", (text, path, expected) => {
    const put = typeof path.at(-1) === "string" ? value : "b";
    const after = set(text, path, put);
    if (expected !== undefined) expect(after).toBe(expected);
    expect(diffChars(text.trim(), after).filter(({ removed }) => removed)).toEqual([]);
    if (text.includes("\r\n")) expect(after.replaceAll("\r\n", "")).not.toContain("\n");
    expect(set(after, path, put)).toBe(after);
    expect(json5.read(set(after, path, undefined).replace("\uFEFF", ""))).toEqual(
      json5.read(set(set(text, path, put), path, undefined).replace("\uFEFF", "")),
    );
  });
});

test.each([
  ['{\n  "a": 1, // one\n  "b": 2\n}', '{\n  "a": 1 // one\n}'],
  ['{\n  "a": 1,\n  "b": 2, // two\n  "c": 3\n}', '{\n  "a": 1,\n   // two\n  "c": 3\n}'],
  ['{"a":1,"b":{"x":1}}', '{"a":1}'],
  ['{"b":2}', "{}"],
  ['{\r\n  "b": 2,\r\n}', "{\r\n}"],
  ['{"a":1}', '{"a":1}'],
])("from %j a value is removed with one comma alone", (text, expected) => {
  expect(set(text, ["b"], undefined)).toBe(expected);
});

test.each([
  ["[1]", ["x"]],
  ['{"a": 1}', ["a", "b"]],
  ['{"a": {}}', ["a", { is: "b" }]],
] as Array<[string, Path]>)("%j has no place for a value at %j", (text, path) => {
  expect(() => set(text, path, value)).toThrow("cannot be changed alone");
});

test.each(["{", '{"a": }', "{a: 1}", "null null"])("%j is not understood as JSON with comments", (text) => {
  expect(() => changed(jsonc, text, [{ path: ["x"], value }])).toThrow("cannot be understood");
});
