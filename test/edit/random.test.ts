/** Many files that nobody would write: an entry is put in and taken out, and every other character stays. */

import { expect, test } from "bun:test";
import { diffChars } from "diff";
import { changed, type Format, takenBack } from "../../src/edit/format.ts";
import { json5 } from "../../src/edit/json.ts";
import type { Path } from "../../src/edit/path.ts";
import { toml } from "../../src/edit/toml.ts";
import { yaml } from "../../src/edit/yaml.ts";
import { createRandom, type Random } from "../harness/random.ts";

const entry = { name: "ours", url: "http://x/v1", list: ["a", "b"] };
const words = ["a", "b1", "models", "ocp", "x-y", "provider", "deep"];

/** White space and comments, as they may stand anywhere. */
function gap(random: Random, eol: string): string {
  return random.pick(["", " ", "  ", eol, `${eol}  `, ` // c ,]}${eol}`, " /* { , */ ", `${eol}${eol}\t`]);
}

function json(random: Random, eol: string, depth = 0): string {
  const g = () => gap(random, eol);
  const kind = depth > 3 ? random.int(4) : random.int(7);
  if (kind === 0) return random.pick(["1", "-0x1F", ".5", "+1e3", "Infinity"]);
  if (kind === 1) return random.pick(["'it\\'s'", '"//"', '"\\u00e9 \\" ,}"', "'/* */'"]);
  if (kind < 4) return random.pick(["true", "null", "false"]);
  const count = random.int(4);
  const trailing = count > 0 && random.chance(0.3) ? "," : "";
  const items = Array.from({ length: count }, () => g() + json(random, eol, depth + 1) + g());
  if (kind === 4) return `[${items.join(",")}${trailing}${g()}]`;
  return object(random, eol, depth);
}

function object(random: Random, eol: string, depth: number): string {
  const g = () => gap(random, eol);
  const names = [...new Set(Array.from({ length: random.int(4) }, () => random.pick(words)))];
  const members = names.map((name) => {
    const key = /-/.test(name) || random.chance(0.5) ? random.pick([`"${name}"`, `'${name}'`]) : name;
    return `${g()}${key}${g()}:${g()}${json(random, eol, depth + 1)}${g()}`;
  });
  const trailing = names.length > 0 && random.chance(0.3) ? "," : "";
  return `{${members.join(",")}${trailing}${g()}}`;
}

function yamlText(random: Random, eol: string): string {
  const blocks = [...new Set(Array.from({ length: random.int(5) }, () => random.pick(words)))].map((name) => {
    const indent = random.pick(["  ", "    ", ""]);
    const value = random.pick([
      ` text # why${eol}`,
      ` "q: #"${eol}`,
      ` |${eol}    two${eol}    lines${eol}`,
      `${eol}${indent}- name: one # k${eol}${indent}  v: [1, 2]${eol}${indent}# between${eol}${indent}- name: two${eol}`,
      ` [{ name: one }, { name: two }] # flow${eol}`,
      `${eol}  x: 1${eol}  y:${eol}    - z${eol}`,
      ` []${eol}`,
      eol,
    ]);
    return `${random.chance(0.3) ? `# about ${name}${eol}` : ""}${name}:${value}${random.chance(0.2) ? eol : ""}`;
  });
  return (random.chance(0.2) ? `---${eol}` : "") + blocks.join("") + (random.chance(0.3) ? `# end${eol}` : "");
}

function tomlText(random: Random, eol: string): string {
  const pair = (name: string) =>
    `${name} = ${random.pick(['"a#b"', "1", "[1, # one\n  2]", "'''\n[x]\n'''", "{ k = 1 }", "true"])}${random.pick(["", " # why"])}`;
  const names = () =>
    [...new Set(Array.from({ length: random.int(3) }, () => random.pick(words)))].map((name) => `k_${name}`);
  const tables = [...new Set(Array.from({ length: random.int(4) }, () => random.pick(words)))].map((name) => [
    random.pick([`[t_${name}]`, `[[t_${name}]]`, `[t_${name}.sub] # s`]),
    ...names().map(pair),
    random.pick(["", "# tail"]),
  ]);
  return [...names().map(pair), ...tables.flat(), ""].join("\n").replaceAll("\n", eol);
}

const kinds: Array<{ name: string; format: Format; make: (random: Random, eol: string) => string; paths: Path[] }> = [
  {
    name: "JSON5",
    format: json5,
    make: (random, eol) => gap(random, eol) + object(random, eol, 0) + gap(random, eol),
    paths: [["ours"], ["provider", "ours"], ["models", "deep", "ours"]],
  },
  { name: "YAML", format: yaml, make: yamlText, paths: [["models", { where: "name", is: "ours" }], ["ours"]] },
  { name: "TOML", format: toml, make: tomlText, paths: [["ours", "ocp"]] },
];

test.each(kinds)("$name", ({ format, make, paths }) => {
  let put = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const random = createRandom(seed);
    const eol = random.pick(["\n", "\r\n"]);
    const text = make(random, eol);
    const path = random.pick(paths);
    const value = path.length === 1 && format === yaml ? "text" : entry;
    let after: string;
    try {
      after = changed(format, text, [{ path, value }]);
    } catch (error) {
      // Something else is where our entry would go.
      expect({ seed, text, why: (error as Error).message }).toEqual({
        seed,
        text,
        why: "is written in a way in which our entry cannot be changed alone",
      });
      continue;
    }
    put++;
    // Of a file, only an empty list or a missing value may give way.
    const gone = diffChars(text, after)
      .filter(({ removed }) => removed)
      .map((each) => each.value.trim())
      .join("");
    expect({ seed, text, after, gone }).toEqual({ seed, text, after, gone: expect.stringMatching(/^(\[\]|\[|\])?$/) });
    const back = takenBack(format, `${after}${eol}`, text, [{ path, value, own: true }]);
    // A list that has no value yet is one without items afterwards.
    const read = (source: string) =>
      JSON.stringify(format.read(source) ?? null).replaceAll('"models":null', '"models":[]');
    expect({ seed, text, back: read(back) }).toEqual({ seed, text, back: read(text) });
    for (const comment of text.match(/(?:\/\/|#) \w.*|\/\* .*? \*\//g) ?? []) {
      expect({ seed, text, back, has: back.includes(comment.trimEnd()) }).toEqual({ seed, text, back, has: true });
    }
  }
  expect(put).toBeGreaterThan(150);
});
