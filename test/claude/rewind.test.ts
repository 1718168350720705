/** A process is taken back to an earlier message: what goes up is what a process sends that never went further. */

import { describe, expect, test } from "bun:test";
import type { Message } from "../../src/core/conversation.ts";
import { cliVersions } from "../harness/claude.ts";
import { called, type Driven, drive, result, said, sessionsOf, text, tool, toolbox, user } from "./engine.ts";

const tools = { toolbox: toolbox(tool("read_file")) };
const says = (words: string): Message => ({ role: "assistant", content: [text(words)] });
const sent = ({ upstream, home }: Driven, at: number) => {
  const { metadata: _, ...body } = upstream().at(at);
  return JSON.stringify(body, null, 1).replaceAll(home, "/home");
};

/** What a process sends for these messages when it never held others. */
async function straight(cli: (typeof cliVersions)[number], conversation: Message[]) {
  await using driven = await drive(cli);
  for (let length = 1; length <= conversation.length; length += 2) {
    const answer = conversation[length];
    driven.script({ blocks: answer ? (answer.content as never[]) : ["End."] });
    await driven.turn(conversation.slice(0, length), tools);
  }
  return sent(driven, -1);
}

describe.each(cliVersions)("a process (%s)", (cli) => {
  test("whose last question is edited, or asked again, is taken back before it", async () => {
    await using driven = await drive(cli);
    driven.script("One.", "Two.", "Three.", "Four.");
    const begin = [user("first"), says("One.")];
    await driven.turn([user("first")], tools);
    await driven.turn([...begin, user("second")], tools);
    const edited = await driven.turn([...begin, user("another")], tools);
    expect(edited).toMatchObject({ path: "rewound", reason: "edited", content: [text("Three.")] });
    const again = await driven.turn([...begin, user("another")], tools);
    expect(again).toMatchObject({ path: "rewound", content: [text("Four.")] });
    expect(sessionsOf(driven.upstream()).size).toBe(1);
    expect(driven.upstream()).toHaveLength(4);
    expect(sent(driven, 3)).toBe(sent(driven, 2));
    expect(sent(driven, 3)).toBe(await straight(cli, [...begin, user("another")]));
    driven.script("Five.");
    const on = [...begin, user("another"), says("Four."), user("on")];
    expect(await driven.turn(on, tools)).toMatchObject({ path: "live", content: [text("Five.")] });
    expect(sent(driven, 4)).toBe(await straight(cli, on));
  }, 60_000);

  test("is taken back over the steps of a tool", async () => {
    await using driven = await drive(cli);
    driven.script("One.", called("toolu_1"), "Two.", "Three.", "Four.");
    const begin = [user("first"), says("One.")];
    await driven.turn([user("first")], tools);
    const call = await driven.turn([...begin, user("second")], tools);
    await driven.turn([...begin, user("second"), said(call), user(result("toolu_1", "content"))], tools);
    const edited = await driven.turn([...begin, user("another")], tools);
    expect(edited).toMatchObject({ path: "rewound", content: [text("Three.")] });
    expect(JSON.stringify(driven.upstream()[3].messages)).not.toContain("toolu_1");
    expect(sent(driven, 3)).toBe(await straight(cli, [...begin, user("another")]));
  }, 60_000);

  test("goes on with its conversation after a question beside it, which extends the same messages", async () => {
    await using driven = await drive(cli);
    driven.script("One.", "A title.", "Two.", "Three.");
    const begin = [user("first"), says("One.")];
    await driven.turn([user("first")], tools);
    expect((await driven.turn([...begin, user("Give it a title.")], tools)).path).toBe("live");
    const next = [...begin, user("second")];
    expect((await driven.turn(next, tools)).path).toBe("rewound");
    expect((await driven.turn([...next, says("Two."), user("third")], tools)).path).toBe("live");
    expect(sessionsOf(driven.upstream()).size).toBe(1);
    expect(sent(driven, 3)).toBe(await straight(cli, [...next, says("Two."), user("third")]));
  }, 60_000);

  test("that is asked further back than it can go is replaced, with the same words upstream", async () => {
    await using driven = await drive(cli);
    driven.script("One.", "Two.", "Three.", "Four.");
    const begin = [user("first"), says("One.")];
    const more = [...begin, user("second"), says("Two.")];
    await driven.turn([user("first")], tools);
    await driven.turn([...begin, user("second")], tools);
    await driven.turn([...more, user("third")], tools);
    const edited = await driven.turn([...begin, user("another")], tools);
    expect(edited).toMatchObject({ path: cli === "newest" ? "rewound" : "new", reason: "edited" });
    expect(edited.content).toEqual([text("Four.")]);
    expect(driven.upstream()).toHaveLength(4);
    expect(sent(driven, 3)).toBe(await straight(cli, [...begin, user("another")]));
  }, 60_000);
});

test("two questions beside each other, at once, get a process each, and both conversations go on", async () => {
  await using driven = await drive("newest");
  driven.script("One.", { blocks: ["Two."], delayMs: 300 }, { blocks: ["Two."], delayMs: 300 }, "Three.");
  const begin = [user("first"), says("One.")];
  await driven.turn([user("first")], tools);
  const both = await Promise.all(["a", "b"].map((words) => driven.turn([...begin, user(words)], tools)));
  expect(both.map(({ path, reason }) => [path, reason]).sort()).toEqual([
    ["live", null],
    ["resumed", "forked"],
  ]);
  for (const words of ["a", "b"]) {
    const next = await driven.turn([...begin, user(words), says("Two."), user(`on with ${words}`)], tools);
    expect(next).toMatchObject({ path: "live", reason: null });
  }
  expect(sessionsOf(driven.upstream()).size).toBe(2);
}, 60_000);
