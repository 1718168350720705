/** The CLI says its version in its own time, and a CLI that does not is not waited for without end. */

import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { versionOf } from "../../src/claude/locate.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";

const path = process.env.PATH;

describe("a CLI whose `--version`", () => {
  const cases = [
    { name: "is said at once", script: "echo '2.1.330 (Claude Code)'", version: "2.1.330" },
    {
      name: "comes with a warning before it",
      script: "echo 'A warning.'; echo '2.1.330 (Claude Code)'",
      version: "2.1.330",
    },
    { name: "comes in pieces", script: "printf 2.1.3; sleep 0.1; echo 30", version: "2.1.330" },
    { name: "has no line end", script: "printf 2.1.330", version: "2.1.330" },
    { name: "is no version", script: "echo unknown", version: null },
    { name: "fails", script: "exit 3", version: null },
    { name: "leaves a program behind that holds the pipe", script: "sleep 20 & echo 2.1.330", version: "2.1.330" },
    { name: "hangs", script: "exec sleep 20", version: null },
    { name: "hangs in a program that it started", script: "sleep 20; echo 2.1.330", version: null },
  ];
  test.each(cases)("$name", async ({ script, version }) => {
    await using temp = await createTemp();
    const bin = join(temp.path, "claude");
    writeFileSync(bin, `#!/bin/sh\n${script}\n`);
    chmodSync(bin, 0o755);
    expect(await versionOf(bin, temp.home, path, 300)).toBe(version);
    await waitUntilNobodyAtHome(temp.home);
  });

  test("cannot be started", async () => {
    await using temp = await createTemp();
    expect(await versionOf(join(temp.path, "claude"), temp.home, path, 300)).toBeNull();
  });
});
