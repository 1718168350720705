/** A test that cannot run here says why, is counted, and the end of a run says what to install. */

import { describe, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirementNames, requirements } from "../../scripts/requirements.ts";
import { skippedTests, skippedText, withReason } from "../../scripts/skipped.ts";
import { countTests, summaryLine } from "../../scripts/test-summary.ts";
import { testEnv } from "../harness/env.ts";
import { createTemp } from "../harness/temp.ts";

const harness = join(import.meta.dir, "..", "harness", "needs.ts");

/** Tests that need a shell which is not here, one way and another. */
const file = `
import { beforeAll, expect, test } from "bun:test";
import { needs } from ${JSON.stringify(harness)};
test("runs everywhere", () => {});
needs("fish").test("runs in fish", () => expect("ran").toBe("skipped"));
needs("fish", "zsh").test.each([["a"], ["b"]])("runs in both: %j", () => expect("ran").toBe("skipped"));
needs("chromium").describe("a page", () => {
  beforeAll(() => { throw new Error("the hook ran"); });
  test("opens", () => expect("ran").toBe("skipped"));
});
needs().test("needs nothing", () => {});
`;

/** Runs them with a PATH that holds nothing but a shell. */
async function run(extra: Record<string, string> = {}) {
  await using temp = await createTemp();
  writeFileSync(join(temp.path, "some.test.ts"), file);
  symlinkSync("/bin/sh", join(temp.path, "sh"));
  const child = Bun.spawn([process.execPath, "test", "--reporter=junit", "--reporter-outfile=report.xml"], {
    cwd: temp.path,
    env: testEnv(temp.home, { PATH: temp.path, ...extra }),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  const succeeded = (await child.exited) === 0;
  const report = await Bun.file(join(temp.path, "report.xml")).text();
  return { stderr, report, line: summaryLine(countTests(report), succeeded) };
}

describe("on a system that lacks programs", () => {
  test("tests that need them are skipped with their reason, and counted without the hooks around them", async () => {
    const { stderr, report, line } = await run();
    expect(line).toBe("2 passed, 0 failed, 4 skipped");
    expect(stderr).toContain("(skip) runs in fish (needs fish)");
    expect(stderr).toContain('runs in both: "a" (needs fish, zsh)');
    expect(stderr).not.toContain("the hook ran");
    const text = skippedText(skippedTests(report).tests);
    expect(text).toContain("4 skipped, for want of:\n");
    expect(text).toMatch(/^ {2}chromium +1 in some\.test\.ts$/m);
    expect(text).toMatch(/^ {2}fish +3 in some\.test\.ts$/m);
    expect(text).toMatch(/^ {2}zsh +2 in some\.test\.ts$/m);
    expect(text).toContain("To run them, as root on Debian: apt-get install chromium fish zsh\n");
  });

  test("they fail where everything is required", async () => {
    const { stderr, line } = await run({ OCP_TEST_REQUIRE_ALL: "1" });
    expect(line).toBe("2 passed, 4 failed");
    expect(stderr).toContain("It needs fish, and OCP_TEST_REQUIRE_ALL is set.");
    expect(stderr).not.toContain("the hook ran");
  });
});

test("what no package brings has its own advice, and a test that gives no reason is named", () => {
  const report = `<testsuites tests="2" failures="0" skipped="2"><testcase name="${withReason("a &lt; b", ["root"])}" classname="" file="a.test.ts"><skipped /></testcase><testcase name="c" classname="" file="b.test.ts">\n<skipped /></testcase></testsuites>`;
  const { tests } = skippedTests(report);
  expect(tests[0]?.title).toBe(" > a < b (needs root)");
  const text = skippedText(tests);
  expect(text).toContain("For root: run them as root.\n");
  expect(text).toMatch(/no reason +1 in b\.test\.ts/);
  expect(text).not.toContain("apt-get");
  expect(skippedText([])).toBe("");
});

test("each requirement says what brings it", () => {
  const silent = requirementNames.filter((name) => requirements[name].package === null && !requirements[name].remedy);
  expect(silent).toEqual([]);
  // They are told from each other in titles.
  expect(requirementNames.filter((name) => /[,()]/.test(name))).toEqual([]);
});
