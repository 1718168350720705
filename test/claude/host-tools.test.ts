/** Tools of this host, when the operator asks for them: a turn then lasts until the CLI has its result. */

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTemp } from "../harness/temp.ts";
import { drive, said, sessionsOf, text, tool, toolbox, user } from "./engine.ts";

const hostTools = { allowed: ["Read"], mcpConfig: undefined, skipPermissions: false, keys: [] };
const usage = { input: 100, output: 10 };

test("the model reads a file of the host, and the client sees all of its words and none of its calls", async () => {
  await using temp = await createTemp();
  const file = join(temp.path, "note.txt");
  writeFileSync(file, "the word is xylophone");
  await using driven = await drive("newest", { hostTools });
  driven.simulator.play(({ number }) =>
    number === 1
      ? { blocks: ["I look.", { type: "tool_use", name: "Read", input: { file_path: file } }], usage, paceMs: 2 }
      : { blocks: ["It is read."], usage, paceMs: 2 },
  );
  const answer = await driven.turn([user("Read it.")], {}, "local");
  expect(answer.content).toEqual([text("I look."), text("\n\nIt is read.")]);
  expect(answer.stop).toBe("end_turn");
  expect(JSON.stringify(answer.events)).not.toContain("tool_use");
  expect(answer.usage).toMatchObject({ input: 200, output: 20 });
  const bodies = driven.upstream();
  expect(bodies).toHaveLength(2);
  expect(bodies[0].tools.map(({ name }: any) => name)).toEqual(["Read"]);
  expect(JSON.stringify(bodies[1].messages)).toContain("xylophone");

  const next = await driven.turn([user("Read it."), said(answer), user("Thanks.")], {}, "local");
  expect(next.path).toBe("live");
  expect(sessionsOf(driven.upstream()).size).toBe(1);
}, 30_000);

test("a request that brings tools gets a process without those of the host", async () => {
  await using driven = await drive("newest", { hostTools });
  await driven.turn([user("Hello.")], { toolbox: toolbox(tool("Read")) }, "local");
  expect(driven.upstream()[0].tools).toHaveLength(1);
  expect(driven.upstream()[0].tools[0].description).toBe("Does it.");
});

test("without them the model is offered none, and nothing of the host is read", async () => {
  await using temp = await createTemp();
  mkdirSync(join(temp.path, "d"));
  await using driven = await drive("newest");
  await driven.turn([user(`Read ${temp.path}`)]);
  expect(driven.upstream()[0].tools ?? []).toEqual([]);
});
