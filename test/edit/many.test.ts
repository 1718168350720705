/** Many entries of one container: as if each were put in and taken out alone, and in the time of a few. */

import { describe, expect, test } from "bun:test";
import { changed, type Format, takenBack } from "../../src/edit/format.ts";
import { json5, jsonc } from "../../src/edit/json.ts";
import type { Edit } from "../../src/edit/path.ts";
import { yaml } from "../../src/edit/yaml.ts";

const item = (at: number) => ({ name: `m${at}`, size: at, of: ["a", { b: at }] });

/** The format, a text, and the edit number `at`. */
const cases: Array<[string, Format, string, (at: number) => Edit]> = [
  ["an empty JSON file", jsonc, "", (at) => ({ path: [`m${at}`], value: item(at) })],
  [
    "a JSON object with others",
    jsonc,
    '{\n  // mine\n  "a": 1, // one\n}\n',
    (at) => ({ path: [`m${at}`], value: item(at) }),
  ],
  ["a JSON object within one that is missing", json5, "{ a: 1 }", (at) => ({ path: ["x", "y", `m${at}`], value: at })],
  [
    "a JSON list",
    json5,
    "{ list: [1, 2] }\n",
    (at) => ({ path: ["list", { where: "name", is: `m${at}` }], value: item(at) }),
  ],
  ["a JSON file where one is there already", jsonc, '{ "m3": 1 }', (at) => ({ path: [`m${at}`], value: at })],
  ["an empty YAML file", yaml, "", (at) => ({ path: ["models", { where: "name", is: `m${at}` }], value: item(at) })],
  [
    "a YAML list of others",
    yaml,
    "models:\n    - name: x # mine\nb: 1\n",
    (at) => ({ path: ["models", { where: "name", is: `m${at}` }], value: item(at) }),
  ],
  [
    "a YAML list on one line",
    yaml,
    "models: [{ name: x }]\n",
    (at) => ({ path: ["models", { where: "name", is: `m${at}` }], value: item(at) }),
  ],
  [
    "a YAML file that is a list",
    yaml,
    "# mine\n- name: x\n",
    (at) => ({ path: [{ where: "name", is: `m${at}` }], value: item(at) }),
  ],
  [
    "a YAML file where one is there already",
    yaml,
    "models:\n  - name: m3\n",
    (at) => ({ path: ["models", { where: "name", is: `m${at}` }], value: item(at) }),
  ],
];

describe.each(cases)("in %s", (_, format, before, editAt) => {
  const edits = (count: number) => Array.from({ length: count }, (_, at) => editAt(at));
  const owned = (count: number) => edits(count).map((edit) => ({ ...edit, own: true }));

  test("they are as if put in one after the other, and go without a trace", () => {
    const together = changed(format, before, edits(12));
    expect(together).toBe(edits(12).reduce((text, edit) => changed(format, text, [edit]), before));
    const back = takenBack(format, together, before === "" ? null : before, owned(12));
    expect(format.read(back) ?? {}).toEqual(format.read(before) ?? {});
  });

  test("some of them go, and the others stay", () => {
    const together = changed(format, before, edits(12));
    const gone = edits(12)
      .filter((_, at) => at % 3 !== 0)
      .map(({ path }) => ({ path, value: undefined }));
    const left = changed(format, together, gone);
    expect(left).toBe(gone.reduce((text, edit) => changed(format, text, [edit]), together));
  });
});

describe.each(cases.filter(([name]) => !/already|one line/.test(name)))("of %s", (_, format, before, editAt) => {
  /** How often a format reads a text. */
  const reads = (count: number) => {
    let calls = 0;
    const counted = Object.fromEntries(
      Object.entries(format).map(([name, act]) => [
        name,
        (...args: unknown[]) => {
          calls++;
          return (act as (...args: unknown[]) => unknown)(...args);
        },
      ]),
    ) as unknown as Format;
    changed(
      counted,
      before,
      Array.from({ length: count }, (_, at) => editAt(at)),
    );
    return calls;
  };

  test("the text is read as often for eighty as for eight", () => {
    expect(reads(80)).toBe(reads(8));
  });
});
