/**
 * Builds the binary: `bun run build` makes `dist/ocp` for this machine, `--target linux-arm64` (repeatable) and
 * `--all` make `dist/ocp-<target>` for others.
 */

import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json";
import { compileBinary } from "./compile.ts";
import { command, runtimeOf } from "./runtime.ts";
import { type Target, targets } from "./targets.ts";

const root = join(import.meta.dir, "..");
const dist = join(root, "dist");

/** Compiles to a scratch directory first, so that a binary in `dist` is always whole and may be running. */
async function compile(name: string, target?: Target): Promise<void> {
  const scratch = mkdtempSync(join(dist, ".build-"));
  try {
    const outfile = join(scratch, name);
    await compileBinary(
      join(root, "src", "main.ts"),
      outfile,
      target && { bun: target.bun, executablePath: await runtimeOf(target) },
    );
    renameSync(outfile, join(dist, name));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`dist/${name}  ${(statSync(join(dist, name)).size / 1e6).toFixed(1)} MB`);
}

async function verifyHost(): Promise<void> {
  const printed = (await command([join(dist, "ocp"), "--version"], dist)).trim();
  if (printed !== manifest.version) throw new Error(`dist/ocp says "${printed}" instead of ${manifest.version}`);
}

const { values } = parseArgs({
  options: { all: { type: "boolean", default: false }, target: { type: "string", multiple: true, default: [] } },
});
const unknown = values.target.filter((name) => targets.every((target) => target.name !== name));
if (unknown.length > 0) {
  console.error(`No such target: ${unknown.join(", ")}. There are ${targets.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
mkdirSync(dist, { recursive: true });
if (values.all || values.target.length === 0) {
  await compile("ocp");
  await verifyHost();
}
for (const target of targets) {
  if (values.all || values.target.includes(target.name)) await compile(`ocp-${target.name}`, target);
}
