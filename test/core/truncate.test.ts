/** Truncation: what goes, what stays, and that no call is parted from its result. */

import { describe, expect, test } from "bun:test";
import type { Conversation, Message, UserBlock } from "../../src/core/conversation.ts";
import { truncate } from "../../src/core/truncate.ts";
import { failure } from "../wire/failure.ts";

const user = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] });
const assistant = (text: string): Message => ({ role: "assistant", content: [{ type: "text", text }] });
const call = (id: string): Message => ({
  role: "assistant",
  content: [{ type: "tool_use", id, name: "f", input: {} }],
});
const result = (id: string, text: string): Message => ({
  role: "user",
  content: [{ type: "tool_result", tool_use_id: id, content: [{ type: "text", text }] }],
});
const talk = (messages: Message[], system = ""): Conversation => ({
  model: "claude-sonnet-5-5",
  system,
  messages,
  toolbox: null,
  output: null,
  sampling: { stop: [] },
  hints: [],
});

/** Roles and texts, as `user:a+b`. */
const outline = (conversation: Conversation) =>
  conversation.messages.map(
    (message) =>
      `${message.role}:${message.content
        .map((block) => (block.type === "text" ? block.text : block.type === "tool_use" ? block.id : block.type))
        .join("+")}`,
  );

test("a conversation that fits is handed back as it is", () => {
  const conversation = talk([user("aaaa")], "ss");
  expect(truncate(conversation, 6)).toEqual({ conversation, dropped: 0 });
});

test("a document of text counts, a PDF does not", () => {
  const data = "x".repeat(100);
  const documentOf = (source: Extract<UserBlock, { type: "document" }>["source"]): Message => ({
    role: "user",
    content: [{ type: "document", source }],
  });
  const pdf = talk([documentOf({ type: "base64", media_type: "application/pdf", data })]);
  expect(truncate(pdf, 50).dropped).toBe(0);
  const text = talk([documentOf({ type: "text", media_type: "text/plain", data })]);
  expect(failure(() => truncate(text, 50)).code).toBe("context_length_exceeded");
});

describe("what stays", () => {
  const ten = "x".repeat(10);
  const tools = [
    user("first"),
    call("a"),
    result("a", ten),
    call("b"),
    result("b", ten),
    assistant("ok"),
    user("last"),
  ];
  test.each<[string, Message[], number, string[], number]>([
    [
      "the first user message and the newest messages",
      [user("first"), assistant(ten), user("u2"), assistant("a2"), user("last")],
      15,
      ["user:first+u2", "assistant:a2", "user:last"],
      1,
    ],
    [
      "roles alternate where an assistant message follows the first",
      [user("first"), assistant(ten), user(ten), assistant("a2"), user("last")],
      15,
      ["user:first", "assistant:a2", "user:last"],
      2,
    ],
    ["only first and last, as one message", [user("first"), assistant(ten), user("last")], 9, ["user:first+last"], 1],
    [
      "a result with its call",
      tools,
      25,
      ["user:first", "assistant:b", "user:tool_result", "assistant:ok", "user:last"],
      2,
    ],
    ["neither of the two when one does not fit", tools, 22, ["user:first", "assistant:ok", "user:last"], 4],
    [
      "the call of a result that is the last message",
      [user("first"), assistant(ten), user(ten), call("a"), result("a", "r")],
      8,
      ["user:first", "assistant:a", "user:tool_result"],
      2,
    ],
    [
      "the first user message after an assistant's opening",
      [assistant(ten), user("first"), assistant("a"), user("last")],
      10,
      ["user:first", "assistant:a", "user:last"],
      1,
    ],
  ])("%s", (_name, messages, maxChars, expected, dropped) => {
    const truncated = truncate(talk(messages), maxChars);
    expect(outline(truncated.conversation)).toEqual(expected);
    expect(truncated.dropped).toBe(dropped);
  });

  test("every cut of a long tool loop alternates and begins with the first user message", () => {
    const messages = [user("first")];
    for (let step = 0; step < 20; step++) messages.push(call(`c${step}`), result(`c${step}`, ten));
    messages.push(assistant("done"), user("last"));
    for (let maxChars = 20; maxChars < 260; maxChars++) {
      const kept = truncate(talk(messages), maxChars).conversation.messages;
      expect(kept[0]).toEqual(user("first"));
      expect(kept.at(-1)).toEqual(user("last"));
      kept.forEach((message, index) => {
        expect(message.role).toBe(index % 2 === 0 ? "user" : "assistant");
        for (const block of message.content) {
          if (block.type !== "tool_result") continue;
          expect(kept[index - 1]?.content).toMatchObject([{ type: "tool_use", id: block.tool_use_id }]);
        }
      });
    }
  });
});

test("images and documents count nothing, system and tool inputs do", () => {
  const picture: Message = {
    role: "user",
    content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(1000) } }],
  };
  expect(truncate(talk([picture]), 1).dropped).toBe(0);
  expect(failure(() => truncate(talk([user("a")], "system"), 6)).code).toBe("context_length_exceeded");
  const input = { text: "0123456789" };
  const asked: Message[] = [
    user("a"),
    { role: "assistant", content: [{ type: "tool_use", id: "a", name: "f", input }] },
    result("a", "r"),
  ];
  const size = 2 + JSON.stringify(input).length;
  expect(truncate(talk(asked), size).dropped).toBe(0);
  expect(failure(() => truncate(talk(asked), size - 1)).code).toBe("context_length_exceeded");
});

test("a minimum that does not fit is an overflow, which does not repeat the prompt", () => {
  const error = failure(() => truncate(talk([user("secret-one"), assistant("b"), user("secret-two")]), 19));
  expect(error).toMatchObject({ code: "context_length_exceeded", status: 400, param: "messages" });
  expect(error.message).not.toContain("secret");
});
