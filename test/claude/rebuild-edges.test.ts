/** What a rebuilt conversation holds where several could be meant, or where not all of it was answered here. */

import { describe, expect, test } from "bun:test";
import type { Message, ToolUseBlock } from "../../src/core/conversation.ts";
import type { ScriptBlock } from "../../src/demo/script.ts";
import { cliVersions } from "../harness/claude.ts";
import { type Driven, drive, result, said, text, tool, toolbox, user } from "./engine.ts";

const thought = (thinking: string): ScriptBlock => ({ type: "thinking", thinking, signature: btoa(thinking) });
const says = (words: string): Message => ({ role: "assistant", content: [text(words)] });
const call = (id: string, path = id): ToolUseBlock => ({ type: "tool_use", id, name: "read_file", input: { path } });
const calls = (id: string, path?: string): Message => ({ role: "assistant", content: [call(id, path)] });
const tools = { toolbox: toolbox(tool("read_file")) };

async function evicting(cli: (typeof cliVersions)[number] = "newest") {
  let liveMax = 16;
  const driven = await drive(cli, { liveMax: () => liveMax });
  return Object.assign(driven, {
    evict() {
      liveMax = 0;
      driven.engine.reconsider();
      liveMax = 16;
    },
  });
}

const blocksOf = (body: any): any[] =>
  body.messages.flatMap(({ content }: any) => (typeof content === "string" ? [] : content));
const thoughts = (driven: Driven) =>
  blocksOf(driven.upstream().at(-1)).flatMap(({ type, thinking }) => (type === "thinking" ? [thinking] : []));

describe("a rebuilt conversation", () => {
  test("holds the thoughts of one conversation, though another one reads the same", async () => {
    await using driven = await evicting();
    driven.script(
      { blocks: [thought("T1"), "Hello."] },
      { blocks: [thought("T2"), "Hello."] },
      { blocks: [thought("U"), "Two."] },
      "Three.",
    );
    await driven.turn([user("hi")], { hints: ["x"] });
    await driven.turn([user("hi")], { hints: ["y"] });
    const messages = [user("hi"), says("Hello."), user("second")];
    await driven.turn(messages, { hints: ["x"] });
    expect(thoughts(driven)).toEqual(["T1"]);
    driven.evict();
    const third = await driven.turn([...messages, says("Two."), user("third")]);
    expect(third).toMatchObject({ path: "resumed", reason: "evicted" });
    expect(thoughts(driven)).toEqual(["T1", "U"]);
  }, 60_000);

  test("holds the thoughts behind an answer that was given elsewhere", async () => {
    await using driven = await evicting();
    driven.script({ blocks: [thought("T1"), "One."] }, { blocks: [thought("T2"), "Two."] }, "Three.");
    const messages = [user("hi"), says("I was said elsewhere."), user("first")];
    await driven.turn(messages);
    messages.push(says("One."), user("second"));
    await driven.turn(messages);
    driven.evict();
    messages.push(says("Two."), user("third"));
    expect(await driven.turn(messages)).toMatchObject({ path: "resumed", reason: "evicted" });
    expect(thoughts(driven)).toEqual(["T1", "T2"]);
  }, 60_000);

  test("holds no thoughts behind an answer that its client has changed", async () => {
    await using driven = await evicting();
    driven.script({ blocks: [thought("T1"), "One."] }, { blocks: [thought("T2"), "Two."] }, "Three.", "Four.");
    const messages = [user("first"), says("One."), user("second")];
    await driven.turn([user("first")]);
    await driven.turn(messages);
    const edited = [user("first"), says("Won."), user("second"), says("Two."), user("third")];
    expect((await driven.turn(edited)).path).toBe("resumed");
    expect(thoughts(driven)).toEqual([]);
  }, 60_000);

  test("may begin with a call of the assistant", async () => {
    await using driven = await evicting();
    driven.script("One.");
    const answer = await driven.turn([calls("toolu_1"), user(result("toolu_1", "content"))], tools);
    expect(answer).toMatchObject({ path: "resumed", content: [text("One.")] });
    const { messages } = driven.upstream().at(-1);
    expect(messages.map(({ role }: any) => role)).toEqual(["user", "assistant", "user"]);
    expect(JSON.stringify(messages[0])).toContain("(The assistant speaks first.)");
    expect(messages[1].content).toMatchObject([{ type: "tool_use", id: "toolu_1" }]);
    expect(JSON.stringify(messages[2])).toContain("content");
  }, 60_000);

  test("goes on with the fork or with its origin, whichever the client continues", async () => {
    await using driven = await evicting();
    driven.script("One.", "Two.", { blocks: ["Two."], delayMs: 500 }, "Three.");
    await driven.turn([user("first")]);
    const both = ["a", "b"].map((words) => driven.turn([user("first"), says("One."), user(words)]));
    await Promise.all(both);
    driven.evict();
    for (const words of ["a", "b"]) {
      const messages = [user("first"), says("One."), user(words), says("Two."), user("on")];
      expect(await driven.turn(messages)).toMatchObject({ path: "resumed", reason: "evicted" });
    }
  }, 60_000);
});

describe.each(cliVersions)("texts of white space in an answer (%s)", (cli) => {
  test("are left out by a rebuilt process as by a live one", async () => {
    const bodies: string[] = [];
    for (const losing of [false, true]) {
      await using driven = await evicting(cli);
      driven.script({ blocks: [thought("T"), { type: "text", text: ["\n\n"] }, call("toolu_1")] }, "Two.", "Three.");
      const first = await driven.turn([user("hi")], tools);
      if (losing) driven.evict();
      const messages = [user("hi"), said(first), user(result("toolu_1", "content"))];
      const second = await driven.turn(messages, tools);
      if (losing) driven.evict();
      await driven.turn([...messages, said(second), user("more")], tools);
      const sent = driven
        .upstream()
        .slice(-2)
        .map(({ messages }) => JSON.stringify(messages));
      bodies.push(sent.join("\n").replaceAll(driven.home, "/home"));
    }
    expect(bodies[1]).toBe(bodies[0]!);
  }, 60_000);
});

describe("calls of the same id in two conversations", () => {
  const step = (path: string): Message[] => [
    user("Do it."),
    calls("call_1", path),
    user(result("call_1", `of ${path}`)),
  ];

  test("get each its own results, in the process that made it", async () => {
    await using driven = await evicting();
    driven.script(call("call_1", "a"), call("call_1", "b"), "Done.");
    for (let time = 0; time < 2; time++) await driven.turn([user("Do it.")], tools);
    for (const path of ["a", "b"]) {
      expect(await driven.turn(step(path), tools)).toMatchObject({ path: "parked", reason: null });
      const blocks = blocksOf(driven.upstream().at(-1));
      expect(blocks.find(({ type }) => type === "tool_use").input).toEqual({ path });
      expect(JSON.stringify(blocks)).toContain(`of ${path}`);
    }
  }, 60_000);

  test("are rebuilt each as it was", async () => {
    await using driven = await evicting();
    driven.script(call("call_1", "a"), call("call_1", "b"), "Done.");
    for (let time = 0; time < 2; time++) await driven.turn([user("Do it.")], tools);
    driven.evict();
    expect(await driven.turn(step("a"), tools)).toMatchObject({ path: "resumed", reason: "evicted" });
    expect(blocksOf(driven.upstream().at(-1)).find(({ type }) => type === "tool_use").input).toEqual({ path: "a" });
  }, 60_000);
});
