/** Turns the test runner's JUnit report into the one line that ends a test run. */

import { skippedTests } from "./skipped.ts";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The totals in the root element of a JUnit report; null when there is none, as after a crash. */
export function countTests(report: string): Counts | null {
  const totals = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(totals)?.[1] ?? Number.NaN);
  const [tests, failed, cases] = [count("tests"), count("failures"), count("skipped")];
  const passed = tests - failed - cases;
  // The runner counts the hooks of a skipped suite too.
  const skipped = cases - skippedTests(report).hooks;
  return passed >= 0 ? { passed, failed, skipped } : null;
}

/**
 * `N passed, N failed`, with `, N skipped` if any. A run that failed without a failed test (a crash, an error between
 * tests) counts one failure, and so does one that ran no test at all.
 */
export function summaryLine(counts: Counts | null, succeeded: boolean): string {
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 0, skipped: 0 };
  const unexplained = failed === 0 && (!succeeded || passed + skipped === 0);
  const line = `${passed} passed, ${failed + (unexplained ? 1 : 0)} failed`;
  return skipped > 0 ? `${line}, ${skipped} skipped` : line;
}
