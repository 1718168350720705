/** The size of the file that people download, and of the same compressed. */

import { statSync } from "node:fs";
import type { Figure } from "../figure.ts";
import { binary } from "../ours.ts";

export const size: Figure = async () => {
  const files = [
    { by: "dist/ocp", path: binary },
    { by: "the bare runtime", path: process.execPath },
  ];
  const compressed = await Promise.all(files.map(async ({ by, path }) => ({ by, samples: [await gzipped(path)] })));
  return [
    {
      title: "Size",
      unit: "MB",
      goal: "120",
      rows: files.map(({ by, path }) => ({ by, samples: [statSync(path).size / 1e6] })),
    },
    { title: "Size after gzip -6", unit: "MB", goal: "55", rows: compressed },
  ];
};

async function gzipped(path: string): Promise<number> {
  const child = Bun.spawn(["gzip", "-6", "-c", path], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let bytes = 0;
  for await (const chunk of child.stdout) bytes += chunk.byteLength;
  if ((await child.exited) !== 0) throw new Error("gzip failed.");
  return bytes / 1e6;
}
