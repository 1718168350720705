/** The binary on processors that this machine is not, under emulation. */

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { testEnv } from "./harness/env.ts";
import { createTemp } from "./harness/temp.ts";
import { root } from "./imports.ts";

const manifest = await Bun.file(join(root, "package.json")).json();

interface Machine {
  name: string;
  emulator: string[];
  binary: string;
}

const machines: Machine[] = [
  { name: "an x86 of 2008, without AVX", emulator: ["qemu-x86_64", "-cpu", "Nehalem"], binary: "ocp-linux-x64" },
  { name: "64-bit Arm", emulator: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], binary: "ocp-linux-arm64" },
];

/** `bun run build --all` makes the binaries; without them, or an emulator, there is nothing to look at. */
const here = machines.filter(
  ({ emulator, binary }) => Bun.which(emulator[0] as string) && existsSync(join(root, "dist", binary)),
);

describe.skipIf(here.length === 0)("the binary runs on", () => {
  test.each(here)(
    "$name",
    async ({ emulator, binary }) => {
      await using temp = await createTemp();
      const argv = [...emulator, join(root, "dist", binary)];
      const spawn = (...args: string[]) =>
        Bun.spawn([...argv, ...args], { env: testEnv(temp.home), stdin: "ignore", stdout: "pipe", stderr: "pipe" });
      expect(await spawn("--version").stdout.text()).toBe(`${manifest.version}\n`);

      const server = spawn("serve", "--port", "0");
      try {
        const [line = ""] = new TextDecoder().decode((await server.stdout.getReader().read()).value).split("\n");
        expect(line).toMatch(/^http:/);
        expect(await (await fetch(`${line}/health`)).json()).toMatchObject({ version: manifest.version });
        expect((await fetch(`${line}/v1/models`)).status).toBe(200);
      } finally {
        server.kill("SIGTERM");
        expect(await server.exited).toBe(0);
      }
    },
    120_000,
  );
});
