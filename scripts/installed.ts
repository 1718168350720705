/**
 * `bun scripts/installed.ts [script.ts argument ...]`: installs the packages that are missing, then runs the script.
 * The script gets a process of its own: one that looked for `node_modules` before they existed does not find them
 * afterwards. So this file, and whatever imports it, imports no package.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

/** Says on stderr what `bun install` does, unless there was nothing to do. Resolves with whether all of them are there. */
export async function installPackages(): Promise<boolean> {
  const argv = [process.execPath, "install", "--frozen-lockfile"];
  if (!existsSync(join(root, "node_modules"))) {
    const child = Bun.spawn(argv, { cwd: root, stdin: "ignore", stdout: 2, stderr: 2 });
    if ((await child.exited) === 0) return true;
  } else {
    const child = Bun.spawn(argv, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) === 0) return true;
    console.error(said.join(""));
  }
  console.error("The packages could not be installed. They come from the npm registry, which must be in reach once.");
  return false;
}

/** Resolves with the exit code of a script that has this terminal, and gets the signals that are meant for it. */
async function runScript(argv: string[]): Promise<number> {
  const child = Bun.spawn([process.execPath, ...argv], {
    cwd: root,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return child.exited;
}

if (import.meta.main) {
  const argv = process.argv.slice(2);
  if (!(await installPackages())) process.exit(1);
  process.exit(argv.length > 0 ? await runScript(argv) : 0);
}
