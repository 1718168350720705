/** The binary on processors that this machine is not, under emulation. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { testEnv } from "./harness/env.ts";
import { needs } from "./harness/needs.ts";
import { createTemp } from "./harness/temp.ts";
import { root } from "./imports.ts";

const manifest = await Bun.file(join(root, "package.json")).json();

interface Machine {
  name: string;
  emulator: string[];
  binary: string;
}

const machines: Machine[] = [
  {
    name: "an x86 of 2008, without AVX",
    emulator: ["qemu-x86_64", "-cpu", "Nehalem", "-L", "/usr/x86_64-linux-gnu"],
    binary: "ocp-linux-x64",
  },
  { name: "64-bit Arm", emulator: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], binary: "ocp-linux-arm64" },
];

needs("qemu", "x64 libraries", "arm64 libraries", "the emulated binaries").describe("the binary runs on", () => {
  test.each(machines)(
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
