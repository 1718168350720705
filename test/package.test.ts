/** What may not be shipped: the vendor's packages serve the tests and give types, nothing of them is in the binary. */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json";
import { importsUnder, root } from "./imports.ts";

const vendor = /^(@anthropic-ai\/|claude-code-oldest)/;

describe("the vendor's packages", () => {
  test("are development dependencies only", () => {
    expect(Object.keys(manifest.dependencies).filter((name) => vendor.test(name))).toEqual([]);
    expect(Object.keys(manifest.devDependencies).filter((name) => vendor.test(name)).length).toBeGreaterThan(0);
  });

  test("are imported for their types only", () => {
    const values = importsUnder("src").filter(({ to, typeOnly }) => vendor.test(to) && !typeOnly);
    expect(values.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });
});

describe("the built binary", () => {
  const binary = readFileSync(join(root, "dist", "ocp"));

  test.each(["@anthropic-ai/claude-agent-sdk", "@anthropic-ai/claude-code", "@anthropic-ai/sdk"])(
    "holds none of the distinctive texts of %s",
    (name) => {
      const texts = distinctiveTexts(join(root, "node_modules", name));
      expect(texts.length).toBeGreaterThanOrEqual(5);
      expect(texts.filter((text) => binary.includes(text))).toEqual([]);
    },
  );

  test("would show such a text: it does hold our own", () => {
    const own = distinctiveTexts(join(root, "src", "config"), /password|secret|prompt/i);
    expect(own.length).toBeGreaterThan(0);
    expect(own.some((text) => binary.includes(text))).toBe(true);
  });
});

/** Up to 200 long string literals that speak of the vendor, spread over the scripts and declarations of a folder. */
function distinctiveTexts(folder: string, subject = /anthropic|claude/i): string[] {
  const files = readdirSync(folder).filter((file) => /\.(m?js|cjs|ts)$/.test(file));
  const literals = files.flatMap((file) => {
    const source = readFileSync(join(folder, file), "utf8");
    return [...source.matchAll(/"([^"\\\n]{40,200})"|^ +\* (.{50,200})$/gm)].map(
      ([, literal, line]) => literal ?? line!,
    );
  });
  const distinct = [...new Set(literals)].filter((text) => subject.test(text) && text.includes(" "));
  const step = Math.max(1, Math.floor(distinct.length / 200));
  return distinct.filter((_, at) => at % step === 0).slice(0, 200);
}
