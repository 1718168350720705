/** The runtimes of other platforms, which binaries for them carry. */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./targets.ts";

const runtimes = join(import.meta.dir, "..", "node_modules", ".cache", `bun-${Bun.version}`);

/** The path of a target's runtime. npm fetches and verifies it, from whichever registry npm is set to. */
export async function runtimeOf(target: Target): Promise<string> {
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

/** What the program wrote to stdout. Throws when it fails. */
export async function command(argv: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(argv, { cwd, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")} failed`);
  return output;
}
