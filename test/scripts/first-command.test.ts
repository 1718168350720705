/** Every command of package.json may be the first in a fresh clone; `bun run fresh-clone` types two of them in one. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json";
import { importsOf, root } from "../imports.ts";

/** They run before any package is there. */
const first = ["scripts/installed.ts", "scripts/test.ts", "scripts/fresh-clone.ts", "scripts/system-packages.ts"];

test("each command installs the packages before anything asks for one", () => {
  const others = Object.entries(manifest.scripts).filter(([, line]) => !first.includes(line.split(" ")[1] ?? ""));
  expect(others).toEqual([]);
});

test.each(first)("%s, and all that it imports, imports no package", (entry) => {
  const seen = new Set<string>();
  const visit = (file: string): string[] => {
    if (seen.has(file)) return [];
    seen.add(file);
    const imports = importsOf(file, readFileSync(join(root, file), "utf8"));
    return imports.flatMap(({ to }) => {
      if (/^(node:|bun(:|$))/.test(to)) return [];
      return /^\w+\/.*\.ts$/.test(to) ? visit(to) : [`${file} -> ${to}`];
    });
  };
  expect(visit(entry)).toEqual([]);
  expect(seen.size).toBeGreaterThan(0);
});
