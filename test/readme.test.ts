import { expect, test } from "bun:test";
import { join } from "node:path";
import manifest from "../package.json";
import { renderReadme } from "../scripts/readme.ts";
import { readmeCommand } from "../scripts/readme-commands.ts";

test("the README's tables say what the code says (else run: bun run readme)", async () => {
  const text = await Bun.file(join(import.meta.dir, "..", "README.md")).text();
  expect(renderReadme(text)).toBe(text);
});

test.each(["run demo", "run test"])(
  "the README's command to %s is one for a machine with Node alone",
  async (words) => {
    const text = await Bun.file(join(import.meta.dir, "..", "README.md")).text();
    expect(readmeCommand(text, words)).toBe(`npx -y ${manifest.packageManager} ${words}`);
    expect(() => readmeCommand(text, `${words} not`)).toThrow("README.md has no command");
  },
);
