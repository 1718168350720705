/** No expression of ours takes longer than its text is long: texts come from clients, models and other servers. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { superLinearity } from "./growth.ts";
import { regexLiteralsOf } from "./literals.ts";

const root = join(import.meta.dir, "..", "..");
const files = [...new Glob("src/**/*.{ts,js}").scanSync(root)].sort();

/** Expressions that may stay though they are slow, by their place and source, each with the reason. */
const allowed: Readonly<Record<string, string>> = {};

describe("regular expressions", () => {
  test(
    "of the sources take time in proportion to their text",
    () => {
      const literals = files.flatMap((file) =>
        regexLiteralsOf(readFileSync(join(root, file), "utf8")).map((literal) => ({ file, ...literal })),
      );
      expect(literals.length).toBeGreaterThan(150);
      const slow = literals.flatMap(({ file, line, source, flags }) => {
        const why = `${file} ${source}` in allowed ? null : superLinearity({ source, flags });
        return why === null ? [] : [`${file}:${line} /${source}/${flags} ${why}`];
      });
      expect(slow).toEqual([]);
    },
    { timeout: 120_000 },
  );

  test("that are allowed to be slow exist", () => {
    const known = new Set(
      files.flatMap((file) =>
        regexLiteralsOf(readFileSync(join(root, file), "utf8")).map(({ source }) => `${file} ${source}`),
      ),
    );
    expect(Object.keys(allowed).filter((each) => !known.has(each))).toEqual([]);
  });

  test("are built of foreign text in one file alone, which the worker process loads", () => {
    const building = files.filter((file) => /new RegExp\((?!`)/.test(readFileSync(join(root, file), "utf8")));
    expect(building).toEqual(["src/schema/keywords.ts"]);
    const loaders = files.filter((file) =>
      /from "[^"]*\/compile\.ts"|import\("[^"]*schema\/worker\.ts"\)/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(loaders).toEqual(["src/main.ts", "src/schema/worker.ts"]);
  });

  test.each([
    ["nested quantifiers", "^(a+)+$", ""],
    ["a fence of Markdown with white space around what is in it", "^```(?:json)?\\s*([\\s\\S]*?)\\s*```$", ""],
    ["slashes at the end", "\\/+$", ""],
    ["an element that may not end", "<key>([\\s\\S]*?)<\\/key>", "g"],
    ["a word that goes on", "(?:passw\\w*)[:=]", "i"],
  ])("that are slow are found: %s", (_, source, flags) => {
    expect(superLinearity({ source, flags })).not.toBeNull();
  });

  test.each([
    ["a name", "^[a-z][a-z0-9-]{0,30}$", ""],
    ["control characters", "\\p{Cc}+", "gu"],
    ["a number at a line's beginning", "^p(\\d+)", "m"],
  ])("that are fast are left in peace: %s", (_, source, flags) => {
    expect(superLinearity({ source, flags })).toBeNull();
  });
});

describe("the literals of a text", () => {
  test("are found where a slash begins one", () => {
    const text = [
      'const a = /x"y/g.test(b);',
      "return /[/]\\//i;",
      "const half = total / 2 / parts.length; // a / b / c",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source code
      "const c = `${d.replace(/`/, `}`)} / ${e / 2 / 1}`;",
      "/* /no/ */ if (x) y(/z$/);",
      'const t = "/no/";',
    ].join("\n");
    expect(regexLiteralsOf(text)).toEqual([
      { line: 1, source: 'x"y', flags: "g" },
      { line: 2, source: "[/]\\/", flags: "i" },
      { line: 4, source: "`", flags: "" },
      { line: 5, source: "z$", flags: "" },
    ]);
  });
});
