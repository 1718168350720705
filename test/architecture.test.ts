/** The arrows between the parts: who may import whom. */

import { describe, expect, test } from "bun:test";
import { type Import, importsOf, importsUnder } from "./imports.ts";

/** For each part the others that it may import, and those of which it may import types alone. */
const arrows: Record<string, { values: string[]; types?: string[] }> = {
  main: { values: ["cli", "schema", "config"] },
  cli: { values: ["services", "doctor", "update", "service", "connect", "openclaw", "edit", "logs", "config", "core"] },
  services: { values: ["server", "claude", "schema", "store", "logs", "demo", "config", "wire", "core"] },
  doctor: { values: ["update", "service", "openclaw", "claude", "store", "logs", "config", "core"] },
  update: { values: ["service", "store", "config", "core"] },
  service: { values: ["config", "core"] },
  connect: { values: ["openclaw", "edit", "config", "core"] },
  openclaw: { values: ["edit", "config", "core"] },
  edit: { values: [] },
  server: { values: ["wire", "core"], types: ["config"] },
  claude: { values: ["wire", "core"], types: ["config"] },
  schema: { values: ["core"] },
  store: { values: ["core"] },
  demo: { values: ["wire", "core"], types: ["config"] },
  logs: { values: ["core"] },
  wire: { values: ["core"] },
  config: { values: ["core"] },
  core: { values: [] },
};

/** `src/server/sse.ts` belongs to `server`, `src/services.ts` to `services`; outside src there are no parts. */
function partOf(path: string): string | undefined {
  return /^src\/([^/.]+)/.exec(path)?.[1];
}

function violations(imports: readonly Import[]): string[] {
  return imports.filter((one) => !isAllowed(one)).map(({ from, to }) => `${from} -> ${to}`);
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const [source, target] = [partOf(from), partOf(to)];
  if (source === undefined) return false;
  if (target === source) return true;
  if (target !== undefined) {
    const arrow = arrows[source];
    return (arrow?.values.includes(target) || (typeOnly && arrow?.types?.includes(target))) ?? false;
  }
  // The domain stands on nothing, and translations do no input or output.
  if (source === "core") return false;
  return source !== "wire" || !/^(node:(?!crypto$)|bun(:|$))/.test(to);
}

describe("the arrows", () => {
  const imports = importsUnder("src");

  test("every part of src has its row in the table", () => {
    expect(imports.length).toBeGreaterThan(0);
    const parts = new Set(imports.map(({ from }) => partOf(from)));
    expect([...parts].filter((part) => part === undefined || !Object.hasOwn(arrows, part))).toEqual([]);
  });

  test("no file imports what its part may not know", () => {
    expect(violations(imports)).toEqual([]);
  });

  test("imports of our own files name them with their extension", () => {
    expect(imports.filter(({ to }) => partOf(to) !== undefined && !/\.\w+$/.test(to))).toEqual([]);
  });
});

test.each([
  ["src/core/a.ts", 'import { x } from "../wire/b.ts";', "src/core/a.ts -> src/wire/b.ts"],
  ["src/core/a.ts", 'import type { X } from "elysia";', "src/core/a.ts -> elysia"],
  ["src/server/a.ts", 'import {\n  type X,\n  y,\n} from "../claude/b.ts";', "src/server/a.ts -> src/claude/b.ts"],
  ["src/server/a.ts", 'import { openStore } from "../store/open.ts";', "src/server/a.ts -> src/store/open.ts"],
  ["src/store/a.ts", 'import { run } from "../claude/b.ts";', "src/store/a.ts -> src/claude/b.ts"],
  ["src/server/a.ts", 'import { loadConfig } from "../config/load.ts";', "src/server/a.ts -> src/config/load.ts"],
  ["src/services.ts", 'const x = await import("./cli/root.ts");', "src/services.ts -> src/cli/root.ts"],
  ["src/demo/a.ts", 'export * from "../server/b.ts";', "src/demo/a.ts -> src/server/b.ts"],
  ["src/demo/a.ts", 'import "../server/b.ts";', "src/demo/a.ts -> src/server/b.ts"],
  ["src/wire/a/b.ts", 'import { readFile } from "node:fs/promises";', "src/wire/a/b.ts -> node:fs/promises"],
])("a violation in %s is named", (from, source, expected) => {
  expect(violations(importsOf(from, source))).toEqual([expected]);
});

test("what the arrows allow is no violation", () => {
  const source =
    'import type { Config } from "../config/settings.ts";\nimport { OcpError } from "../core/errors.ts";\n';
  expect(violations(importsOf("src/server/a.ts", source))).toEqual([]);
});
