/** Nothing of a conversation stays on disk where a process could not be started for it. */

import { expect, test } from "bun:test";
import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createChildren } from "../../src/claude/children.ts";
import { prepareScratch } from "../../src/claude/scratch.ts";
import { createTemp } from "../harness/temp.ts";

test("a session file goes with the process that could not be started", async () => {
  await using temp = await createTemp();
  const interpreter = join(temp.path, "sh");
  const bin = join(temp.path, "claude");
  writeFileSync(bin, `#!${interpreter}\n`);
  chmodSync(bin, 0o755);
  rmSync(interpreter, { force: true });
  const scratch = await prepareScratch({ path: join(temp.path, "spawn-home"), realConfig: join(temp.home, ".claude") });
  const children = createChildren({
    locate: () => bin,
    scratch,
    upstreamUrl: undefined,
    environment: {},
    onRoom: () => {},
    log: { info() {}, warn() {}, error() {} },
  });
  const identity = { kind: "isolated", home: scratch.path, token: "t" } as const;
  let written = "";
  const history = (sessionId: string) => {
    written = sessionId;
    return "what was said";
  };
  expect(() => children.start({ model: "claude-sonnet-5-5", identity, hostTools: null, history })).toThrow(
    "could not be started",
  );
  expect(written).not.toBe("");
  const names = readdirSync(scratch.path, { recursive: true }).map(String);
  expect(names.filter((name) => name.endsWith(".jsonl"))).toEqual([]);
  await children.close();
});
