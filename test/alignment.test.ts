/** ALIGNMENT.md: every route is in it, and every test that it names exists. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../src/demo/simulator.ts";
import { startOcp } from "./harness/ocp.ts";
import { root } from "./imports.ts";

const text = readFileSync(join(root, "ALIGNMENT.md"), "utf8");
const rows = text.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"));

test("every route of the running server has its row, and no row is of a route that is gone", async () => {
  await using simulator = startSimulator();
  await using ocp = await startOcp({ target: "binary", simulator });
  const { paths } = (await (await fetch(`${ocp.url}/swagger/json`)).json()) as { paths: Record<string, object> };
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
  );
  const listed = rows.flatMap((row) => /^\| `((?:GET|HEAD|POST|PATCH|DELETE) \S+)` \|/.exec(row)?.[1] ?? []);
  expect(listed.sort()).toEqual([...served, "GET /swagger"].sort());
});

describe("the tests that it names", () => {
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`(test\/[\w/.-]+\.ts)`: ((?:(?!`test\/).)+?)(?=; `test\/| \|$)/g)].flatMap(
      ([, file = "", titles = ""]) =>
        titles.split(/; (?!a space before|else one)/).map((title) => [file, title] as const),
    ),
  );

  test("are many", () => {
    expect(named.length).toBeGreaterThan(25);
  });

  test.each(named)("%s: %s", (file, title) => {
    expect(existsSync(join(root, file))).toBe(true);
    expect(readFileSync(join(root, file), "utf8").toLowerCase()).toContain(title.toLowerCase());
  });
});
