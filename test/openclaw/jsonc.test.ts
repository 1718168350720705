/** One value of a file with comments changes; every other character stays. */

import { expect, test } from "bun:test";
import { parse } from "jsonc-parser";
import { setJson } from "../../src/openclaw/jsonc.ts";

const value = { a: 1, b: [true] };

test.each([
  ["{}", ["x"], '{\n  "x": {\n    "a": 1,\n    "b": [\n      true\n    ]\n  }\n}'],
  ['{ "k": 1 }', ["x"], undefined],
  ['{\n    // c\n    "k": {"y":1},\n}\n', ["x"], undefined],
  [
    '{\n\t"k": {}\n}\n',
    ["k", "x"],
    '{\n\t"k": {\n\t\t"x": {\n\t\t\t"a": 1,\n\t\t\t"b": [\n\t\t\t\ttrue\n\t\t\t]\n\t\t}\n\t}\n}\n',
  ],
  ['{\r\n  "k": {\r\n    "x": 5, // five\r\n    "z": 6\r\n  }\r\n}', ["k", "x"], undefined],
  ["{}", ["a", "b", "c"], undefined],
])("%j gets a value at %j", (text, path, expected) => {
  const changed = setJson(text, path, value);
  if (expected !== undefined) expect(changed).toBe(expected);
  const read = (source: string) => parse(source, [], { allowTrailingComma: true });
  expect(path.reduce((inner, key) => inner[key], read(changed))).toEqual(value);
  // Without what was put in, all that was there is there.
  const kept = text
    .replace(/5/, "")
    .split(/[{}\s]+/)
    .filter((word) => word !== "" && word !== ",");
  for (const word of kept) expect(changed).toContain(word.replace(/,$/, ""));
  if (text.includes("\r\n")) expect(changed.replaceAll("\r\n", "")).not.toContain("\n");
  expect(setJson(changed, path, value)).toBe(changed);
});

test.each([
  ['{\n  "a": 1, // one\n  "b": 2\n}', '{\n  "a": 1 // one\n}'],
  ['{\n  "a": 1,\n  "b": 2, // two\n  "c": 3\n}', '{\n  "a": 1,\n   // two\n  "c": 3\n}'],
  ['{"a":1,"b":{"x":1}}', '{"a":1}'],
  ['{"b":2}', "{}"],
  ['{\r\n  "b": 2,\r\n}', "{\r\n}"],
  ['{"a":1}', '{"a":1}'],
])("from %j a value is removed with one comma alone", (text, expected) => {
  expect(setJson(text, ["b"], undefined)).toBe(expected);
});
