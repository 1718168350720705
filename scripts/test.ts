/**
 * Runs everything that the tests need and then the tests: `bun run test [files or options of bun test]`.
 * The last line on stdout is always `N passed, N failed`; whatever goes wrong outside a test counts as a failure.
 * It imports no package, so that it can run before any is installed.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countTests, summaryLine } from "./test-summary.ts";

const root = join(import.meta.dir, "..");
/** Over the length of any honest run: a runner that hangs becomes a failure instead of a job that never ends. */
const longestRunMs = 30 * 60_000;

async function bun(args: string[]): Promise<boolean> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: 2,
    stderr: 2,
    timeout: longestRunMs,
    killSignal: "SIGKILL",
  });
  return (await child.exited) === 0;
}

async function run(filters: string[]): Promise<string> {
  if (!(await bun(["install", "--frozen-lockfile"]))) return summaryLine(null, false);
  if (!(await bun([join("scripts", "build.ts")]))) return summaryLine(null, false);
  const scratch = mkdtempSync(join(tmpdir(), "ocp-test-run-"));
  try {
    const report = join(scratch, "junit.xml");
    // A file for each core at a time: most tests wait for processes of their own, which have to share.
    const args = [
      "test",
      "--parallel",
      "--timeout=60000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...filters,
    ];
    const succeeded = await bun(args);
    return summaryLine(countTests(readText(report)), succeeded);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

let line = summaryLine(null, false);
try {
  line = await run(process.argv.slice(2));
} catch (error) {
  console.error(error);
}
console.log(line);
process.exitCode = / 0 failed/.test(line) ? 0 : 1;
