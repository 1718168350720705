/** The model of the prompt cache: what it reads, writes and misses. */

import { describe, expect, test } from "bun:test";
import type { ContentBlock, MessagesBody, RequestMessage } from "../../src/demo/request.ts";
import { costOf, createPromptCache, totalOf } from "./prompt-cache.ts";

const mark = { cache_control: { type: "ephemeral" } };
/** Some hundred tokens. */
const words = (name: string) => `${name} `.repeat(100);
const text = (name: string, more: object = {}): ContentBlock => ({ type: "text", text: words(name), ...more });
const says = (role: RequestMessage["role"], ...content: ContentBlock[]): RequestMessage => ({ role, content });

function body(messages: RequestMessage[], more: Partial<MessagesBody> = {}): MessagesBody {
  return { model: "claude-sonnet-5-5", system: [text("system", mark)], messages, ...more };
}

/** The uses of these requests in turn. */
function ask(...bodies: MessagesBody[]) {
  const cache = createPromptCache();
  return bodies.map((one) => cache.ask(one));
}

const question = says("user", text("question", mark));
const moved = says("user", text("question"));
const answer = says("assistant", text("answer"));

describe("the prompt cache", () => {
  test("writes up to the last mark, and reads it when the conversation goes on, wherever the mark is then", () => {
    const [first, second] = ask(
      body([says("user", text("question", mark), text("behind"))]),
      body([says("user", text("question"), text("behind")), answer, says("user", text("next", mark))]),
    );
    expect(first!.read).toBe(0);
    expect(first!.write).toBeGreaterThan(0);
    expect(first!.fresh).toBeGreaterThan(100);
    expect(second!.read).toBe(first!.write);
    expect(second!.write).toBeGreaterThan(first!.fresh);
    expect(second!.fresh).toBe(0);
  });

  test("writes all again behind a block that changed, and keeps what stands before it", () => {
    const [first, second] = ask(body([question]), body([says("user", text("other", mark))]));
    expect(second!.read).toBeLessThan(first!.write);
    expect(second!.read).toBeGreaterThan(0);
    expect(second!.write).toBe(first!.write - second!.read - words("question").length / 4 + words("other").length / 4);
  });

  test.each<{ what: string; more: Partial<MessagesBody>; read: string }>([
    { what: "another model", more: { model: "claude-opus-5-5" }, read: "nothing" },
    { what: "another tool", more: { tools: [{ name: "look" }] }, read: "nothing" },
    { what: "another system prompt", more: { system: [text("other", mark)] }, read: "nothing" },
    { what: "other thinking", more: { thinking: { type: "adaptive" } }, read: "the system prompt" },
    { what: "a forced call", more: { tool_choice: { type: "any" } }, read: "the system prompt" },
    { what: "another limit of the answer", more: { max_tokens: 5 }, read: "all" },
    {
      what: "another billing line",
      more: { system: [{ type: "text", text: "x-anthropic-billing-header: a" }, text("system", mark)] },
      read: "all",
    },
  ])("reads $read after $what", ({ more, read }) => {
    const [first, second] = ask(body([question]), body([question], more));
    if (read === "nothing") expect(second!.read).toBe(0);
    else if (read === "all") expect(second).toEqual({ read: first!.write, write: 0, fresh: 0 });
    else expect(second!.read).toBeWithin(1, first!.write);
  });

  test.each([
    { added: 20, finds: true },
    { added: 21, finds: false },
  ])("an entry $added blocks before a mark is found: $finds", ({ added, finds }) => {
    const blocks = Array.from({ length: added }, (_, at) => text(`block ${at}`, at === added - 1 ? mark : {}));
    const unmarked = { system: [text("system")] };
    const [first, second] = ask(body([question], unmarked), body([moved, says("assistant", ...blocks)], unmarked));
    expect(second!.read).toBe(finds ? first!.write : 0);
  });

  test("a prompt without marks is neither read nor written", () => {
    const unmarked = body([moved], { system: "Be brief." });
    const uses = ask(unmarked, unmarked);
    expect(uses.map(({ read, write }) => [read, write])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(uses[0]!.fresh).toBeGreaterThan(100);
  });

  test("costs a tenth for a read, twice for a write", () => {
    const uses = [
      { read: 1_000, write: 100, fresh: 10 },
      { read: 0, write: 1, fresh: 0 },
    ];
    expect(costOf(uses)).toBe(100 + 200 + 10 + 2);
    expect(totalOf(uses)).toEqual({ read: 1_000, write: 101, fresh: 10 });
  });
});
