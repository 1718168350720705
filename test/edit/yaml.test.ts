/** YAML: settings at the root and items of lists change, and nothing else does. */

import { expect, test } from "bun:test";
import { diffChars } from "diff";
import { changed } from "../../src/edit/format.ts";
import type { Path } from "../../src/edit/path.ts";
import { yaml } from "../../src/edit/yaml.ts";

const item = { name: "ours", roles: ["chat"], note: "a: b # c" };
const inModels: Path = ["models", { where: "name", is: "ours" }];
const set = (text: string, path: Path, value: unknown) => changed(yaml, text, [{ path, value }]);

test.each([
  "",
  "# nothing yet\n",
  "name: Local\n",
  "name: Local # mine\nmodels:\n  - name: theirs # k\n    roles: [a, b]\n  # tail\n\n# end\nlast: x\n",
  "models:\n- name: theirs\n- name: more",
  "models:\r\n    - name: theirs\r\n      text: |\r\n        two\r\n        lines\r\nlast: 1\r\n",
  "models: [{ name: theirs }, { name: more }] # short\n",
  "\uFEFFmodels:\n  - name: theirs\n",
  "models:\n  - &anchor\n    name: theirs\n  - <<: *anchor\n    name: more\n",
  "---\nname: x\nmodels:\n  -   name: wide\n      a: 1\n",
])("an item is put into the list of %j, and taken out again", (text) => {
  const after = set(text, inModels, item);
  expect(diffChars(text, after).filter(({ removed }) => removed)).toEqual([]);
  if (text.includes("\r\n")) expect(after.replaceAll("\r\n", "")).not.toContain("\n");
  expect(set(after, inModels, item)).toBe(after);
  if (/models:/.test(text)) expect(set(after, inModels, undefined)).toBe(text.endsWith("\n") ? text : `${text}\n`);
});

test.each(["models: []\nlast: 1\n", "models: [] # none\nlast: 1\n", "models:\nlast: 1\n", "models: null\n"])(
  "the empty list of %j is filled",
  (text) => {
    const after = set(text, inModels, item);
    expect(yaml.read(after)).toMatchObject({ models: [item] });
    if (text.includes("# none")) expect(after).toContain("# none");
    expect(yaml.read(set(after, inModels, undefined))).toMatchObject({ models: [] });
  },
);

const atRoot: Path = [{ where: "name", is: "ours" }];

test.each(["", "# models\n", "- name: theirs\n  x: 1 # one\n", "-   name: theirs", "[]\n"])(
  "an item is put into a document that is a list: %j",
  (text) => {
    const after = set(text, atRoot, item);
    expect((yaml.read(after) as unknown[]).at(-1)).toEqual(item);
    for (const comment of text.match(/#.*/g) ?? []) expect(after).toContain(comment);
    expect(yaml.read(set(after, atRoot, undefined)) ?? []).toEqual(yaml.read(text) ?? []);
  },
);

test.each([
  ["a: 1 # one\n", "b", "two", "a: 1 # one\nb: two\n"],
  ["a: 1\nb: old # why\nc: 3\n", "b", "new", "a: 1\nb: new # why\nc: 3\n"],
  ["a: 1\nb: old # why\nc: 3\n", "b", undefined, "a: 1\nc: 3\n"],
  ["b:\n  - x\nc: 3\n", "b", "new", "b: new\nc: 3\n"],
  ["a: 1", "b", "two", "a: 1\nb: two\n"],
])("%j with %s: %j", (text, key, value, expected) => {
  expect(set(text, [key], value)).toBe(expected);
});

test("what looks like another type is quoted", () => {
  const text = set("", ["b"], "1e3");
  expect(yaml.read(text)).toEqual({ b: "1e3" });
});

test.each([
  ["a: 1\n---\nb: 2\n", "cannot be understood"],
  ["a: [1\n", "cannot be understood"],
  ["{ a: 1 }\n", "cannot be changed alone"],
  ["- a\n", "cannot be changed alone"],
  ["models: text\n", "cannot be changed alone"],
])("%j is left alone", (text, why) => {
  expect(() => set(text, inModels, item)).toThrow(why);
});
