/**
 * Builds the binary: `bun run build` makes `dist/ocp` for this machine, `--target linux-arm64` (repeatable) and
 * `--all` make `dist/ocp-<target>` for others.
 */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json";
import { compileBinary } from "./compile.ts";
import { type Target, targets } from "./targets.ts";

const root = join(import.meta.dir, "..");
const dist = join(root, "dist");
const runtimes = join(root, "node_modules", ".cache", `bun-${Bun.version}`);

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

/** The path of a target's runtime. npm fetches and verifies it, from whichever registry npm is set to. */
async function runtimeOf(target: Target): Promise<string> {
  const directory = join(runtimes, target.name);
  const runtime = join(directory, "package", "bin", "bun");
  if (existsSync(runtime)) return runtime;
  mkdirSync(runtimes, { recursive: true });
  const scratch = mkdtempSync(join(runtimes, ".fetch-"));
  try {
    await command(["npm", "pack", "--silent", `${target.runtime}@${Bun.version}`], scratch);
    const archive = readdirSync(scratch).find((file) => file.endsWith(".tgz"));
    if (archive === undefined) throw new Error(`npm pack ${target.runtime} left no archive`);
    await command(["tar", "-xzf", archive], scratch);
    rmSync(join(scratch, archive));
    chmodSync(join(scratch, "package", "bin", "bun"), 0o755);
    rmSync(directory, { recursive: true, force: true });
    renameSync(scratch, directory);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return runtime;
}

async function command(argv: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(argv, { cwd, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} failed`);
  return output;
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
