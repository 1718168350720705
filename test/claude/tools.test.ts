/** The client's tools through the CLI: called, parked, answered, in one process or rebuilt in another. */

import { describe, expect, test } from "bun:test";
import type { Message } from "../../src/core/conversation.ts";
import type { Script } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import {
  called,
  calls,
  drive,
  growsByAppending,
  rebuiltBy,
  result,
  resultsUpstream,
  said,
  sessionsOf,
  shared,
  text,
  tool,
  toolbox,
  user,
} from "./engine.ts";

const tools = { toolbox: toolbox(tool("read_file"), tool("write_file")) };
const calling = (...ids: string[]): Script => ({ blocks: ids.map((id) => called(id)), paceMs: 2 });

describe.each(cliVersions)("client tools (%s)", (cli) => {
  test("a ten-step tool loop uses one process and eleven requests, each a prefix of the next", async () => {
    await using driven = await drive(cli);
    driven.simulator.play(({ number }) =>
      number <= 10 ? calling(`toolu_${number}`) : { blocks: ["All done."], paceMs: 2 },
    );
    const messages: Message[] = [user("Do it.")];
    for (let step = 1; step <= 10; step++) {
      const answer = await driven.turn(messages, tools);
      expect(answer.stop).toBe("tool_use");
      expect(calls(answer)).toEqual([
        { type: "tool_use", id: `toolu_${step}`, name: "read_file", input: { path: `toolu_${step}` } },
      ]);
      expect(answer.path).toBe(step === 1 ? "new" : "parked");
      messages.push(said(answer), user(result(`toolu_${step}`, `content ${step}`)));
    }
    const last = await driven.turn(messages, tools);
    expect(last.content).toEqual([text("All done.")]);
    const bodies = driven.upstream();
    expect(bodies).toHaveLength(11);
    expect(sessionsOf(bodies).size).toBe(1);
    expect(growsByAppending(bodies)).toBe(true);
    expect(JSON.stringify(bodies.at(-1).messages)).toContain("content 10");
  }, 60_000);

  test("a process that was lost in the loop is rebuilt, and the loop ends right", async () => {
    await using driven = await drive(cli);
    driven.simulator.play(({ number }) =>
      number <= 3 ? calling(`toolu_${number}`) : { blocks: ["Done."], paceMs: 2 },
    );
    const messages: Message[] = [user("Do it.")];
    for (let step = 1; step <= 3; step++) {
      const answer = await driven.turn(messages, tools);
      messages.push(said(answer), user(result(`toolu_${step}`, `content ${step}`)));
      if (step === 2) for (const { pid } of driven.held()) process.kill(pid!, "SIGKILL");
    }
    expect((await driven.turn(messages, tools)).content).toEqual([text("Done.")]);
    const bodies = driven.upstream();
    expect(bodies).toHaveLength(4);
    expect(sessionsOf(bodies).size).toBe(2);
    for (const step of [1, 2, 3]) expect(JSON.stringify(bodies.at(-1).messages)).toContain(`content ${step}`);
  }, 60_000);

  test("eight calls in one message take their results in any order, each its own", async () => {
    await using driven = await drive(cli);
    const ids = Array.from({ length: 8 }, (_, i) => `toolu_p${i}`);
    driven.simulator.play(({ number }) => (number === 1 ? calling(...ids) : { blocks: ["Done."], paceMs: 2 }));
    const first = await driven.turn([user("Do it.")], tools);
    expect(calls(first).map(({ id }) => id)).toEqual(ids);
    const shuffled = [...ids].sort((a, b) => ((a.charCodeAt(7) * 7) % 5) - ((b.charCodeAt(7) * 7) % 5));
    const second = await driven.turn(
      [user("Do it."), said(first), user(...shuffled.map((id) => result(id, `of ${id}`)))],
      tools,
    );
    expect(second).toMatchObject({ path: "parked", content: [text("Done.")] });
    const results = driven
      .upstream()[1]
      .messages.flatMap(({ content }: any) =>
        Array.isArray(content) ? content.filter(({ type }: any) => type === "tool_result") : [],
      );
    for (const id of ids) {
      const own = results.find((block: any) => block.tool_use_id === id);
      expect(JSON.stringify(own.content)).toContain(`of ${id}`);
    }
  }, 60_000);
});

describe.each(cliVersions)("tools that change together with the results (%s)", (cli) => {
  const driven = shared(cli);
  const names = ({ tools }: any) => tools.map(({ name }: any) => name);

  test.each([
    ["more", [tool("read_file")], "parked"],
    ["others", [tool("read_file"), tool("old_one")], "resumed"],
  ] as const)("are the new ones in the very next request, when they are %s", async (_, before, path) => {
    driven().script(called("toolu_1", "read_file"), called("toolu_2", "write_file"), "Done.");
    const first = await driven().turn([user("Do it.")], { toolbox: toolbox(...before) });
    const messages = [user("Do it."), said(first), user(result("toolu_1", "content"))];
    const changed = { toolbox: toolbox(tool("read_file"), tool("write_file")) };
    const second = await driven().turn(messages, changed);
    expect(second).toMatchObject({ path: cli === "newest" ? path : "new", stop: "tool_use" });
    messages.push(said(second), user(result("toolu_2", "written")));
    expect(await driven().turn(messages, changed)).toMatchObject({ path: "parked", content: [text("Done.")] });
    expect(driven().upstream().map(names)).toEqual([
      before.map(({ name }) => name).sort(),
      ["read_file", "write_file"],
      ["read_file", "write_file"],
    ]);
    expect(resultsUpstream(driven().upstream()[1])).toMatchObject([{ tool_use_id: "toolu_1" }]);
  });

  test("without the one that was called, or with another text for it, are the new ones in another process", async () => {
    for (const change of [toolbox(tool("write_file")), toolbox(tool("read_file", "Reads better."))]) {
      driven().simulator.reset();
      driven().script(called("toolu_1", "read_file"), "Done.");
      const first = await driven().turn([user("Do it.")], { toolbox: toolbox(tool("read_file")) });
      const messages = [user("Do it."), said(first), user(result("toolu_1", "content"))];
      const second = await driven().turn(messages, { toolbox: change });
      expect(second).toMatchObject({ path: rebuiltBy(cli), reason: "tools", content: [text("Done.")] });
      expect(driven().upstream()[1].tools).toMatchObject([
        { name: change.tools[0]!.name, description: change.tools[0]!.description },
      ]);
      expect(driven().upstream()).toHaveLength(2);
    }
  });
});
