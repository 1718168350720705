/** TOML: settings of the root and tables of our own change, and nothing else does. */

import { expect, test } from "bun:test";
import { diffChars } from "diff";
import { changed } from "../../src/edit/format.ts";
import type { Path } from "../../src/edit/path.ts";
import { toml } from "../../src/edit/toml.ts";

const table = { name: "OCP", base_url: 'http://x/v1"', n: 3 };
const path: Path = ["model_providers", "ocp"];
const set = (text: string, at: Path, value: unknown) => changed(toml, text, [{ path: at, value }]);

test.each([
  "",
  "# mine\n",
  'model = "x" # why\n\n[model_providers.other]\nname = "o"\n\n# about z\n[z]\na = [1,\n  2]\n',
  "[[list]]\na = 1\n[[list]]\na = 2",
  '[model_providers]\nother = { name = "o" }\r\n',
  'text = """\n[model_providers.ocp]\n"""\n',
])("a table is added to %j, and taken out again", (text) => {
  const after = set(text, path, table);
  expect(diffChars(text, after).filter(({ removed }) => removed)).toEqual([]);
  expect(set(after, path, table)).toBe(after);
  expect(set(after, path, undefined)).toBe(text === "" || text.endsWith("\n") ? text : `${text}\n`);
});

test.each([
  ['[model_providers.ocp]\nname = "old" # x\n\n[z]\na = 1\n', "[z]\na = 1\n"],
  ['[a]\n[model_providers.ocp]\nname = "old"\n[model_providers.ocp.http_headers]\nx = "y"\n', "[a]\n"],
  ['[model_providers]\nocp.name = "old"\nocp.n = 1\n[z]\n', "[model_providers]\n[z]\n"],
  ['model_providers.ocp.name = "old"\nk = 1\n', "k = 1\n"],
])("an older entry of our own in %j is replaced whole", (text, rest) => {
  expect(toml.read(set(text, path, table))).toEqual(toml.read(set(rest, path, table)));
  expect(set(text, path, undefined)).toBe(rest);
});

test.each([
  ['model = "a" # why\n[t]\n', '"b"', 'model = "b" # why\n[t]\n'],
  ["[t]\nmodel = 1\n", '"b"', 'model = "b"\n\n[t]\nmodel = 1\n'],
  ["x = 1\n# about t\n[t]\n", '"b"', 'x = 1\nmodel = "b"\n# about t\n[t]\n'],
  ["# about t\n[t]\n", '"b"', 'model = "b"\n\n# about t\n[t]\n'],
  ['model = "a" # why\nx = 1\n', undefined, "x = 1\n"],
])("the root of %j gets %j", (text, value, expected) => {
  expect(set(text, ["model"], value && JSON.parse(value))).toBe(expected);
});

test.each([
  ["a = \n", "cannot be understood"],
  ["a = 1\na = 2\n", "cannot be understood"],
  ["model_providers = { x = 1 }\n", "cannot be changed alone"],
])("%j is left alone", (text, why) => {
  expect(() => set(text, path, table)).toThrow(why);
});
