/** The notices of what is bundled: complete by what the bundler really takes in, and never without one. */

import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundledFiles } from "../licences/bundled.ts";
import { collectNotices, packageOf } from "../licences/collect.ts";
import type { Notice } from "../licences/notices.ts";
import { supplements } from "../licences/supplements.ts";
import { runOcp } from "./cli/run.ts";
import { createTemp } from "./harness/temp.ts";

/** The packages of the real bundle, found by the files themselves. */
let bundled: Set<string>;
let notices: Notice[];
let text: string;
beforeAll(async () => {
  const directories = new Set(
    (await bundledFiles()).flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  const manifests = await Promise.all([...directories].map((each) => Bun.file(join(each, "package.json")).json()));
  bundled = new Set(manifests.map(({ name, version }) => `${name}@${version}`));
  notices = JSON.parse((await runOcp("binary", ["licences", "--json"])).stdout);
  text = (await runOcp("binary", ["licences"])).stdout;
}, 120_000);

describe("ocp licences", () => {
  test("has a notice for each package that the bundler takes in, and for the runtime", () => {
    expect(bundled.size).toBeGreaterThan(30);
    expect(notices.map(({ name, version }) => `${name}@${version}`).sort()).toEqual(
      [...bundled, `bun@${Bun.version}`].sort(),
    );
  });

  test("has the dashboard's packages and those of the API's page among them", () => {
    const names = notices.map(({ name }) => name);
    for (const name of ["preact", "uplot", "swagger-ui-dist", "elysia", "@xterm/headless", "yaml", "diff"])
      expect(names).toContain(name);
  });

  test("has none of the vendor's packages, since nothing of them is bundled", () => {
    const vendor = /^@anthropic-ai\/|^claude-code-oldest@/;
    expect([...bundled].filter((id) => vendor.test(id))).toEqual([]);
    expect(text).not.toContain("@anthropic-ai");
  });

  test("prints of each its name, version, licence and whole text, with a copyright line", () => {
    for (const notice of notices) {
      expect(text).toContain(`\n${notice.name} ${notice.version}: ${notice.licence}\n`);
      expect(text).toContain(notice.text);
      expect({ name: notice.name, says: /copyright|\(c\)/i.test(notice.text) }).toEqual({
        name: notice.name,
        says: true,
      });
      expect(notice.text.length).toBeGreaterThan(400);
    }
  });

  test("has what packages say of the code that they bundle themselves, and their notices", () => {
    const textOf = (name: string) => notices.find((each) => each.name === name)?.text;
    expect(textOf("citty")).toContain("scule");
    expect(textOf("swagger-ui-dist")).toContain("SmartBear Software Inc.");
    expect(textOf("swagger-ui-dist")).toContain("DOMPurify");
    expect(textOf("diff")).toContain("Kevin Decker");
  });

  test("has the texts that the licences of the runtime's libraries demand", () => {
    const runtime = notices.find(({ name }) => name === "bun")?.text;
    for (const part of ["JavaScriptCore", "TinyCC", "BoringSSL", "ICU", "mimalloc", "acorn"])
      expect(runtime).toContain(part);
    expect(runtime).toContain("GNU LIBRARY GENERAL PUBLIC LICENSE");
    expect(runtime).toContain("GNU LESSER GENERAL PUBLIC LICENSE");
    expect(runtime).toContain("Independent JPEG Group");
    expect(runtime).toContain("Apache License");
  });

  test("is spelt licenses too", async () => {
    expect((await runOcp("binary", ["licenses"])).stdout).toBe(text);
  });

  test("prints from the source what the binary holds", async () => {
    expect(JSON.parse((await runOcp("source", ["licences", "--json"])).stdout)).toEqual(notices);
  });
});

describe("collecting notices", () => {
  /** Packages with these files; the result names one file in each. */
  async function packages(files: Record<string, string>) {
    const temp = await createTemp();
    for (const [path, content] of Object.entries(files)) {
      const file = join(temp.path, "node_modules", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    const inputs = Object.keys(files).filter((path) => path.endsWith(".js"));
    return { temp, inputs: inputs.map((path) => join(temp.path, "node_modules", path)) };
  }
  const manifest = (name: string, license?: unknown) => JSON.stringify({ name, version: "1.2.3", license });

  test.each([
    ["no licence file", { "a/package.json": manifest("a", "MIT") }, "a@1.2.3 has no licence file"],
    ["only a notice", { "a/package.json": manifest("a", "MIT"), "a/NOTICE": "x" }, "a@1.2.3 has no licence file"],
    [
      "a script of that name",
      { "a/package.json": manifest("a", "MIT"), "a/license.js": "x" },
      "a@1.2.3 has no licence file",
    ],
    [
      "the licence file of a dependency only",
      { "a/package.json": manifest("a", "MIT"), "a/node_modules/b/LICENSE": "x" },
      "a@1.2.3 has no licence file",
    ],
    ["no licence", { "a/package.json": manifest("a"), "a/LICENSE": "x" }, "a@1.2.3 has the licence null"],
    [
      "a licence that may forbid it",
      { "@b/a/package.json": manifest("@b/a", "SEE LICENSE IN README.md"), "@b/a/LICENSE": "x" },
      "@b/a@1.2.3 has the licence",
    ],
    ["the GPL", { "a/package.json": manifest("a", "GPL-3.0-only"), "a/LICENSE": "x" }, "a@1.2.3 has the licence"],
  ])("fails for a package with %s, and names it", async (_, files, sentence) => {
    const directory = Object.keys(files)[0]!.replace("/package.json", "");
    const { temp, inputs } = await packages({ ...files, [`${directory}/index.js`]: "" } as Record<string, string>);
    await using _temp = temp;
    expect(() => collectNotices(inputs)).toThrow(sentence);
  });

  test("takes every version of a package, and each file of a notice once", async () => {
    const { temp, inputs } = await packages({
      "a/package.json": manifest("a", "MIT"),
      "a/licence.md": "the text of a",
      "a/dist/index.js": "",
      "a/dist/THIRD-PARTY-NOTICES.txt": "what is in a",
      "a/dist/other.js.LICENSE.txt": "the bundle that nobody took",
      "b/package.json": manifest("b", "ISC"),
      "b/COPYING": "the text of b",
      "b/index.js": "",
      "b/node_modules/a/package.json": manifest("a", "MIT").replace("1.2.3", "2.0.0"),
      "b/node_modules/a/LICENSE-MIT": "the text of the other a",
      "b/node_modules/a/index.js": "",
    });
    await using _temp = temp;
    writeFileSync(join(temp.path, "node_modules", "a", "dist", "other.js"), "");
    const found = collectNotices(inputs).filter(({ name }) => name !== "bun");
    expect(found.map(({ name, version, text }) => [name, version, text])).toEqual([
      ["a", "1.2.3", "what is in a\n\nthe text of a"],
      ["a", "2.0.0", "the text of the other a"],
      ["b", "1.2.3", "the text of b"],
    ]);
  });

  test("has a supplement only for what is bundled", () => {
    const names = [...bundled].map((id) => id.slice(0, id.lastIndexOf("@")));
    expect(Object.keys(supplements).filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each([
    ["/x/src/main.ts", null],
    ["/x/node_modules/a/b.js", "/x/node_modules/a"],
    ["/x/node_modules/@a/b/c/d.js", "/x/node_modules/@a/b"],
    ["/x/node_modules/a/node_modules/b/c.js", "/x/node_modules/a/node_modules/b"],
  ])("%s belongs to %p", (file, directory) => {
    expect(packageOf(file)).toBe(directory);
  });
});
