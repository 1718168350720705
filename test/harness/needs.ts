/**
 * Tests that need more than every system has: `needs("fish").test("completes ...", ...)`. Where it is missing they are
 * skipped, and their title says why; `bun run test` counts them and says what to install. With OCP_TEST_REQUIRE_ALL=1,
 * as in `.ci/run`, they fail instead.
 */

import { describe, test } from "bun:test";
import { missingOf, type RequirementName } from "../../scripts/requirements.ts";
import { withReason } from "../../scripts/skipped.ts";

/** Declarations as those of `bun:test`, of which `(title, body, timeout)` and `each` are here. */
export interface Needing {
  test: typeof test;
  describe: typeof describe;
}

export function needs(...names: RequirementName[]): Needing {
  const missing = missingOf(names);
  if (missing.length === 0) return { test, describe };
  if (process.env.OCP_TEST_REQUIRE_ALL !== "1") {
    return { test: renamed(test.skipIf(true), missing), describe: renamed(describe.skipIf(true), missing) };
  }
  const fail = () => {
    throw new Error(`It needs ${missing.join(", ")}, and OCP_TEST_REQUIRE_ALL is set.`);
  };
  // A suite becomes one test that fails: its hooks would fail in ways that say less.
  const suite = () => test("has what it needs", fail);
  return { test: renamed(test, missing, fail), describe: renamed(describe, missing, suite) };
}

/** Declares with the reason in the title, and with another body if one is given. */
function renamed(declare: any, missing: readonly RequirementName[], other?: () => void): any {
  const named = (title: string, body: () => unknown, timeoutMs?: number) =>
    declare(withReason(title, missing), other ?? body, ...(timeoutMs === undefined ? [] : [timeoutMs]));
  return Object.assign(named, {
    each: (rows: readonly unknown[]) => renamed(declare.each(rows), missing, other),
  });
}
