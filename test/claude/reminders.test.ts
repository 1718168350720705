/** What the CLI tells the model at the beginning is learnt of it once, without a request, and kept over a restart. */

import { expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Message } from "../../src/core/conversation.ts";
import { claudeBinary } from "../harness/claude.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { drive, text, user } from "./engine.ts";

const unseen: Message[] = [user("first"), { role: "assistant", content: [text("One.")] }, user("second")];

/** A CLI that notes each of its starts but those for its version; `told` is what it was started with. */
async function noted() {
  const temp = await createTemp();
  const [bin, log] = [join(temp.path, "claude"), join(temp.path, "starts")];
  writeFileSync(bin, `#!/bin/sh\n[ "$1" = --version ] || echo "$@" >> '${log}'\nexec '${claudeBinary()}' "$@"\n`);
  chmodSync(bin, 0o755);
  const home = join(temp.home, ".ocp", "spawn-home");
  return {
    home,
    drive: () =>
      drive("newest", {
        claudeBin: bin,
        paths: { home: temp.home, spawnHome: home, claudeConfig: join(temp.home, ".claude") },
      }),
    /** How many processes kept a session file, and how many resumed one. */
    starts() {
      const lines = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
      const recorded = lines.filter((line) => !line.includes("--no-session-persistence")).length;
      return { recorded, resumed: lines.filter((line) => line.includes("--resume")).length };
    },
    [Symbol.asyncDispose]: () => temp.remove(),
  };
}

test("they are learnt with the first conversation that is rebuilt, and a restarted server knows them", async () => {
  await using cli = await noted();
  {
    await using driven = await cli.drive();
    driven.script("Two.");
    await driven.turn([user("first")]);
    expect(cli.starts()).toEqual({ recorded: 0, resumed: 0 });
    expect((await driven.turn(unseen)).path).toBe("resumed");
    expect((await driven.turn(unseen, {}, "bob")).path).toBe("resumed");
    expect(cli.starts()).toEqual({ recorded: 1, resumed: 2 });
    // The one that was recorded has asked nobody.
    expect(driven.upstream()).toHaveLength(3);
    expect(JSON.stringify(driven.upstream()[1].messages[0])).toContain("# Environment");
    expect(JSON.stringify(driven.upstream()[1].messages.at(-1))).not.toContain("# Environment");
    expect((await driven.turn(unseen, { model: "claude-haiku-4-5" })).path).toBe("resumed");
    expect(cli.starts().recorded).toBe(2);
  }
  await waitUntilNobodyAtHome(cli.home);
  expect(readdirSync(join(cli.home, "tmp"))).toEqual([]);
  expect(statSync(join(cli.home, "reminders.json")).mode & 0o777).toBe(0o600);
  await using driven = await cli.drive();
  driven.script("Two.");
  expect((await driven.turn(unseen)).path).toBe("resumed");
  expect(cli.starts().recorded).toBe(2);
}, 60_000);

test.each(["", "{", "[]", '{"a":1}', "null"])(
  "a file of %j is no hindrance",
  async (content) => {
    await using cli = await noted();
    await using driven = await cli.drive();
    writeFileSync(join(cli.home, "reminders.json"), content);
    driven.script("Two.");
    expect(await driven.turn(unseen)).toMatchObject({ path: "resumed", content: [text("Two.")] });
    expect(cli.starts().recorded).toBe(1);
    expect(Object.keys(JSON.parse(readFileSync(join(cli.home, "reminders.json"), "utf8")))).toHaveLength(1);
  },
  60_000,
);

test("where the CLI writes none down, a history goes in over stdin", async () => {
  await using cli = await noted();
  await using driven = await cli.drive();
  const reading = join(cli.home, "..", "..", "..", "claude");
  writeFileSync(
    reading,
    readFileSync(reading, "utf8").replace(
      "exec",
      'case "$*" in *--no-session*) ;; *--version*) ;; *) exit 1;; esac\nexec',
    ),
  );
  driven.script("Two.");
  expect(await driven.turn(unseen)).toMatchObject({ path: "new", content: [text("Two.")] });
  expect(driven.upstream()).toHaveLength(1);
}, 60_000);
