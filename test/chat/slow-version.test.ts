/** A CLI that takes its time to say its version keeps nobody longer than a turn may take. */

import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFakeCli, ending, messageStart, text, textStart } from "../harness/fake-cli.ts";
import { startOcp } from "../harness/ocp.ts";
import { descendants } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, user } from "./client.ts";

test("a turn is a 504 at its deadline, and once the version is known turns and /health are answered", async () => {
  await using temp = await createTemp();
  const cli = createFakeCli(temp.path);
  cli.says([messageStart, textStart, text("Hello "), text("world"), ...ending]);
  const go = join(temp.path, "go");
  const slow = join(temp.path, "slow-claude");
  writeFileSync(
    slow,
    `#!/bin/sh
case "$*" in *--version*) while [ ! -e ${go} ]; do sleep 0.02; done;; esac
exec ${cli.bin} "$@"
`,
  );
  chmodSync(slow, 0o755);
  await using ocp = await startOcp({ target: "source", env: { CLAUDE_BIN: slow, CLAUDE_TIMEOUT: "1000" } });
  const messages = [user("Hi.")];
  const health = fetch(`${ocp.url}/health`).then((response) => response.json() as any);

  const late = await ask(ocp, { messages });
  expect(late.status).toBe(504);
  expect(late.body.error.message).toContain("CLAUDE_TIMEOUT");
  expect(descendants(ocp.pid).filter(({ command }) => command.includes("stream-json"))).toEqual([]);

  writeFileSync(go, "");
  expect((await health).claudeBinary).toBe(slow);
  const { status, body } = await ask(ocp, { messages });
  expect(status).toBe(200);
  expect(body.choices[0].message.content).toBe("Hello world");
});
