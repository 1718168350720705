/** The line that ends a test run tells the truth, also about runs that crash. */

import { expect, test } from "bun:test";
import { countTests, summaryLine } from "../../scripts/test-summary.ts";

const report = (tests: number, failures: number, skipped: number) =>
  `<?xml version="1.0"?>\n<testsuites name="bun test" tests="${tests}" assertions="9" failures="${failures}" skipped="${skipped}" time="1">\n<testsuite tests="77" failures="77" skipped="77"/>`;

test.each([
  ["all pass", report(5, 0, 0), true, "5 passed, 0 failed"],
  ["some fail", report(5, 2, 0), false, "3 passed, 2 failed"],
  ["some are skipped", report(6, 0, 1), true, "5 passed, 0 failed, 1 skipped"],
  ["no test failed, but the runner did", report(5, 0, 0), false, "5 passed, 1 failed"],
  ["all are skipped", report(3, 0, 3), true, "0 passed, 0 failed, 3 skipped"],
  ["skipped tests are a failure", report(6, 0, 1), false, "5 passed, 1 failed, 1 skipped"],
  ["no test ran", report(0, 0, 0), true, "0 passed, 1 failed"],
  ["the runner crashed before it reported", "", false, "0 passed, 1 failed"],
  ["the report is cut off", '<testsuites name="bun test" tests="5"', false, "0 passed, 1 failed"],
])("when %s", (_, text, succeeded, line) => {
  expect(summaryLine(countTests(text), succeeded)).toBe(line);
});
