/** What tells two questions apart in the cache, and what does not. */

import { describe, expect, test } from "bun:test";
import { cacheKey, isCacheable } from "../../src/core/cache-key.ts";
import type { Conversation, ImageBlock, Message, Toolbox } from "../../src/core/conversation.ts";

const image = (data: string): ImageBlock => ({
  type: "image",
  source: { type: "base64", media_type: "image/png", data },
});
const user = (...content: Extract<Message, { role: "user" }>["content"]): Message => ({ role: "user", content });
const text = (said: string) => ({ type: "text" as const, text: said });

const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "string" } } };
const base: Conversation = {
  model: "claude-sonnet-5-5",
  system: "Be brief.",
  messages: [user(text("Hi."), image("AAAA")), { role: "assistant", content: [text("Hello.")] }, user(text("Again."))],
  toolbox: null,
  output: { name: "person", schema },
  sampling: {
    maxTokens: 100,
    temperature: 0.5,
    topP: 0.9,
    topK: 5,
    stop: ["END"],
    effort: "low",
    thinkingBudget: 2000,
  },
  hints: [],
};
const keyOf = (change: Partial<Conversation> = {}, principal = "key-1", epoch = "e") =>
  cacheKey(principal, { ...base, ...change }, epoch);
const sampling = (change: Partial<Conversation["sampling"]>) => ({ sampling: { ...base.sampling, ...change } });
const [first, answer, last] = base.messages as [Message, Message, Message];

test("a key is a SHA-256 in base64url, and the same for the same", () => {
  expect(keyOf()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(cacheKey("key-1", structuredClone(base), "e")).toBe(keyOf());
});

describe("another key comes from", () => {
  test.each<[string, Partial<Conversation>]>([
    ["another model", { model: "claude-opus-5-5" }],
    ["another system prompt", { system: "Be brief. " }],
    ["no system prompt", { system: "" }],
    ["another word", { messages: [first, answer, user(text("Again!"))] }],
    ["another white space", { messages: [first, answer, user(text("Again. "))] }],
    ["another form of the same character", { messages: [first, answer, user(text("\u00e9"))] }],
    ["the same character, composed", { messages: [first, answer, user(text("e\u0301"))] }],
    ["another word of the assistant's", { messages: [first, { role: "assistant", content: [text("Hi.")] }, last] }],
    ["a message less", { messages: [last] }],
    ["other roles", { messages: [{ role: "assistant", content: [text("Hi.")] }, answer, last] }],
    ["a text cut in two", { messages: [first, answer, user(text("Ag"), text("ain."))] }],
    ["another image", { messages: [user(text("Hi."), image("AAAB")), answer, last] }],
    ["an image less", { messages: [user(text("Hi.")), answer, last] }],
    ["the image first", { messages: [user(image("AAAA"), text("Hi.")), answer, last] }],
    [
      "another type of image",
      {
        messages: [
          user(text("Hi."), { type: "image", source: { type: "base64", media_type: "image/gif", data: "AAAA" } }),
          answer,
          last,
        ],
      },
    ],
    [
      "thoughts before the assistant's words",
      {
        messages: [
          first,
          { role: "assistant", content: [{ type: "thinking", thinking: "Hm.", signature: "s" }, text("Hello.")] },
          last,
        ],
      },
    ],
    [
      "a document",
      {
        messages: [
          first,
          answer,
          user(text("Again."), { type: "document", source: { type: "text", media_type: "text/plain", data: "x" } }),
        ],
      },
    ],
    ["no format", { output: null }],
    ["another name of the format", { output: { name: "animal", schema } }],
    ["any JSON", { output: { name: "person", schema: null } }],
    ["another schema", { output: { name: "person", schema: { ...schema, required: ["a"] } } }],
    [
      "another order in the schema, which the answer follows",
      {
        output: {
          name: "person",
          schema: { type: "object", properties: { b: { type: "string" }, a: { type: "string" } } },
        },
      },
    ],
    ["a limit of tokens", sampling({ maxTokens: 101 })],
    ["a temperature", sampling({ temperature: 0.6 })],
    ["temperature 0", sampling({ temperature: 0 })],
    ["top p", sampling({ topP: 0.8 })],
    ["top k", sampling({ topK: 6 })],
    ["another stop", sampling({ stop: ["end"] })],
    ["no stop", sampling({ stop: [] })],
    ["two stops", sampling({ stop: ["END", "END"] })],
    ["an effort", sampling({ effort: "high" })],
    ["a budget", sampling({ thinkingBudget: 2001 })],
    ["parameters left out", { sampling: { stop: ["END"] } }],
  ])("%s", (_name, change) => {
    expect(keyOf(change)).not.toBe(keyOf());
  });

  test("each of these alone", () => {
    const changes = ["system", "model"].map((field) => ({ [field]: "x" }));
    expect(new Set(changes.map((change) => keyOf(change))).size).toBe(changes.length);
  });

  test("another principal, and another configuration", () => {
    const keys = [
      keyOf(),
      keyOf({}, "key-11"),
      keyOf({}, "key-1", "ee"),
      keyOf({}, "key-1e", ""),
      keyOf({}, "", "key-1e"),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("the same characters in other fields", () => {
    const split = [
      keyOf({ system: "ab", messages: [user(text("c"))] }),
      keyOf({ system: "a", messages: [user(text("bc"))] }),
      keyOf({ system: 'ab","messages":[', messages: [user(text("c"))] }),
      keyOf({ system: "ab", messages: [user(text("c")), { role: "assistant", content: [text("")] }] }),
    ];
    expect(new Set(split).size).toBe(split.length);
  });
});

test.each<[string, Partial<Conversation>]>([
  ["names of the conversation", { hints: ["thread-1"] }],
  ["the order of a block's keys", { messages: [{ content: first.content, role: "user" } as Message, answer, last] }],
  [
    "the order of the parameters",
    { sampling: { ...Object.fromEntries(Object.entries(base.sampling).reverse()), stop: ["END"] } },
  ],
  [
    "a title that is not set",
    { messages: [first, answer, { role: "user", content: [{ ...text("Again."), title: undefined } as never] }] },
  ],
])("%s do not matter", (_name, change) => {
  expect(keyOf(change)).toBe(keyOf());
});

const toolbox: Toolbox = {
  tools: [{ name: "f", description: "", inputSchema: { type: "object" } }],
  choice: { type: "none" },
  parallel: true,
};

test.each<[string, boolean, Partial<Conversation>]>([
  ["words and pictures", true, {}],
  ["an answer in JSON", true, { output: { name: "x", schema: null } }],
  ["tools, even if none may be called", false, { toolbox }],
  [
    "a call of a tool",
    false,
    { messages: [first, { role: "assistant", content: [{ type: "tool_use", id: "1", name: "f", input: {} }] }, last] },
  ],
  ["the result of a tool", false, { messages: [user({ type: "tool_result", tool_use_id: "1", content: [] })] }],
  [
    "a picture by its URL",
    false,
    { messages: [user({ type: "image", source: { type: "url", url: "http://a/b.png" } })] },
  ],
  [
    "a document by its URL",
    false,
    { messages: [user({ type: "document", source: { type: "url", url: "http://a/b.pdf" } })] },
  ],
])("a request with %s may be cached: %p", (_name, expected, change) => {
  expect(isCacheable({ ...base, ...change })).toBe(expected);
});
