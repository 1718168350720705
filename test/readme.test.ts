import { expect, test } from "bun:test";
import { join } from "node:path";
import { renderReadme } from "../scripts/readme.ts";

test("the README's tables say what the code says (else run: bun scripts/readme.ts)", async () => {
  const text = await Bun.file(join(import.meta.dir, "..", "README.md")).text();
  expect(renderReadme(text)).toBe(text);
});
