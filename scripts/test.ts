/**
 * Sets up everything that the tests need and then runs them: `bun run test [files or options of bun test]`.
 * The last line on stdout is always `N passed, N failed`, and `, N skipped` where the system lacks something that could
 * not be installed; the lines before it on stderr say what. Whatever goes wrong outside a test counts as a failure, and
 * so does a skipped test with OCP_TEST_REQUIRE_ALL=1. It imports no package, so that it can run before any is installed.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPackages } from "./installed.ts";
import { missingOf } from "./requirements.ts";
import { skippedTests, skippedText } from "./skipped.ts";
import { installSystemPackages, systemInstaller } from "./system-packages.ts";
import { countTests, summaryLine } from "./test-summary.ts";

const root = join(import.meta.dir, "..");
/** Whole sessions of real agents take many minutes: they run where a filter names them, as in `.ci/run`. */
const longTests = "test/agents/{claude-code,others}.test.ts";
/** Over the length of any honest run: a runner that hangs becomes a failure instead of a job that never ends. */
const longestRunMs = 60 * 60_000;

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
  await installSystemPackages(systemInstaller);
  if (!(await installPackages())) return summaryLine(null, false);
  if (!(await bun([join("scripts", "build.ts")]))) return summaryLine(null, false);
  if (startsEmulators(filters)) await buildForEmulators();
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
      ...(pathsIn(filters).length === 0 ? [`--path-ignore-patterns=${longTests}`] : []),
      ...filters,
    ];
    const succeeded = await bun(args);
    const text = readText(report);
    const skipped = skippedTests(text).tests;
    process.stderr.write(`\n${skippedText(skipped)}`);
    const mayEnd = skipped.length === 0 || process.env.OCP_TEST_REQUIRE_ALL !== "1";
    return summaryLine(countTests(text), succeeded && mayEnd);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Without the options of `bun test`. */
const pathsIn = (filters: string[]) => filters.filter((filter) => !filter.startsWith("-"));

/** The runner takes a filter for a part of a path. */
function startsEmulators(filters: string[]): boolean {
  const parts = pathsIn(filters).map((filter) => filter.replace(/^\.\//, ""));
  return parts.length === 0 || parts.some((part) => "test/platforms.test.ts".includes(part));
}

/** Without them, as without a registry, the tests that start them are skipped. */
async function buildForEmulators(): Promise<void> {
  if (missingOf(["qemu", "arm64 libraries", "x64 libraries"]).length > 0) return;
  await bun([join("scripts", "build.ts"), "--target", "linux-x64", "--target", "linux-arm64"]);
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
