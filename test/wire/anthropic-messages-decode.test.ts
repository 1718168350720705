/** Anthropic's Messages request as a conversation. */

import { describe, expect, test } from "bun:test";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import type { Conversation } from "../../src/core/conversation.ts";
import { decodeCountRequest, decodeMessagesRequest } from "../../src/wire/anthropic-messages/decode.ts";
import { failure } from "./failure.ts";

const context = {
  catalog: createCatalog(models),
  images: { allowUrl: false, maxBytes: 1000, maxCount: 2, maxTotalBytes: 5000 },
  hints: [] as string[],
};
const links = { ...context, images: { ...context.images, allowUrl: true } };

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const pdf = "JVBERi0xLjQK";
const hi = { role: "user", content: "hi" };
const secret = "a secret of the user's";

const request = (changed: object = {}) => ({ model: "opus", max_tokens: 100, messages: [hi], ...changed });
const decode = (changed: object = {}, given: typeof context = context) =>
  decodeMessagesRequest(request(changed), given);
const conversationOf = (changed: object, given?: typeof context): Conversation => decode(changed, given).conversation;
const messagesOf = (...messages: object[]) => conversationOf({ messages }).messages;
const user = (...content: object[]) => ({ role: "user", content });
const assistant = (...content: object[]) => ({ role: "assistant", content });
const text = (words: string) => ({ type: "text", text: words });
const call = (id: string, input: unknown = {}) => ({ type: "tool_use", id, name: "get", input });
const result = (id: string, more: object = {}) => ({ type: "tool_result", tool_use_id: id, ...more });

test("the smallest request is a conversation without anything else", () => {
  expect(decode()).toEqual({
    conversation: {
      model: "claude-opus-5-5",
      system: "",
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
      toolbox: null,
      output: null,
      sampling: { maxTokens: 100, stop: [] },
      hints: [],
    },
    stream: false,
    ignored: [],
  });
});

test("what Claude Code sends is taken, and what has no effect of it is named", () => {
  const { conversation, stream, ignored } = decode(
    {
      stream: true,
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330; cch=1a2b3;" },
        { type: "text", text: "You are an agent.", cache_control: { type: "ephemeral" } },
        { type: "text", text: "Be brief.", cache_control: null },
      ],
      messages: [
        user({ ...text("hi"), cache_control: { type: "ephemeral", ttl: "1h" } }),
        { role: "system", content: "Today is Friday." },
        assistant({ type: "thinking", thinking: "hm", signature: "sig" }, call("toolu_1", { path: null })),
        user(result("toolu_1", { content: [text("ok")], is_error: false, cache_control: { type: "ephemeral" } })),
        { role: "system", content: [text("It is late.")] },
      ],
      thinking: { type: "adaptive", display: "omitted" },
      context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
      output_config: { effort: "high" },
      metadata: { user_id: '{"session_id":"s-1"}' },
      tools: [
        { name: "get", description: "Gets.", input_schema: { type: "object", properties: { a: { default: null } } } },
        { type: "web_search_20250305", name: "web_search", max_uses: 8 },
      ],
      temperature: 1,
      betas: ["x"],
    },
    { ...context, systemPrompt: "By the operator.", hints: ["head-1"] } as typeof context,
  );
  expect(conversation).toEqual({
    model: "claude-opus-5-5",
    system: "You are an agent.\n\nBe brief.\n\nBy the operator.",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "hi" },
          { type: "system", text: "Today is Friday." },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm", signature: "sig" },
          { type: "tool_use", id: "toolu_1", name: "get", input: { path: null } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_1", content: [text("ok") as never], is_error: false },
          { type: "system", text: "It is late." },
        ],
      },
    ],
    toolbox: {
      tools: [
        { name: "get", description: "Gets.", inputSchema: { type: "object", properties: { a: { default: null } } } },
      ],
      choice: { type: "auto" },
      parallel: true,
    },
    output: null,
    sampling: { maxTokens: 100, temperature: 1, effort: "high", stop: [] },
    hints: ["head-1", '{"session_id":"s-1"}'],
  });
  expect(stream).toBe(true);
  expect(ignored.sort()).toEqual(["context_management", "thinking.display", "tools.web_search_20250305"]);
});

describe("the system prompt", () => {
  test.each<[string, unknown, string]>([
    ["a string", "Be brief.", "Be brief."],
    ["blocks", [text("A"), text("B")], "A\n\nB"],
    ["blank texts", [text(" "), text("B"), text("")], "B"],
    ["only the note on who pays", [text("x-anthropic-billing-header: a=b;")], ""],
    [
      "the note's name further on",
      [text("A"), text("x-anthropic-billing-header: a")],
      "A\n\nx-anthropic-billing-header: a",
    ],
    ["nothing", null, ""],
  ])("from %s", (_name, system, expected) => {
    expect(conversationOf({ system }).system).toBe(expected);
  });
});

describe("messages", () => {
  test("neighbours of one role become one, blank texts and empty assistant messages go", () => {
    expect(
      messagesOf(hi, user(text("there"), text(" ")), assistant(), { role: "assistant", content: "" }, { ...hi }),
    ).toEqual([{ role: "user", content: [text("hi"), text("there"), text("hi")] }] as never);
  });

  test("thoughts without a signature are left out, sealed ones stay", () => {
    expect(
      messagesOf(
        hi,
        assistant(
          { type: "thinking", thinking: secret, signature: "" },
          { type: "thinking", thinking: secret },
          { type: "redacted_thinking", data: "sealed" },
          text("yes"),
        ),
        hi,
      )[1],
    ).toEqual({ role: "assistant", content: [{ type: "redacted_thinking", data: "sealed" }, text("yes")] } as never);
  });

  test("results come first, and calls without a result get one that says so", () => {
    expect(messagesOf(hi, assistant(call("a"), call("b"), call("c")), user(text("go on"), result("b"))).at(-1)).toEqual(
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "b", content: [] },
          ...["a", "c"].map((id) => ({
            type: "tool_result",
            tool_use_id: id,
            content: [text("No result was returned for this call.")],
            is_error: true,
          })),
          text("go on"),
        ],
      } as never,
    );
  });

  test("a result holds text, images and documents, or one string", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: png } };
    const document = { type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf } };
    const results = messagesOf(
      hi,
      assistant(call("a"), call("b")),
      user(result("a", { content: [image, document, text("")] }), result("b", { content: "ok", is_error: true })),
    ).at(-1);
    expect(results?.content).toEqual([
      { type: "tool_result", tool_use_id: "a", content: [image, document] },
      { type: "tool_result", tool_use_id: "b", content: [text("ok")], is_error: true },
    ] as never);
  });

  test.each<[string, object, object]>([
    [
      "a PDF",
      {
        source: { type: "base64", media_type: "application/pdf", data: pdf },
        title: "T",
        context: "C",
        cache_control: {},
      },
      { source: { type: "base64", media_type: "application/pdf", data: pdf }, title: "T", context: "C" },
    ],
    [
      "plain text",
      { source: { type: "text", media_type: "text/plain", data: "words" }, title: null },
      { source: { type: "text", media_type: "text/plain", data: "words" } },
    ],
    [
      "a link",
      { source: { type: "url", url: "https://example.com/a.pdf" } },
      { source: { type: "url", url: "https://example.com/a.pdf" } },
    ],
  ])("a document may be %s", (_name, given, expected) => {
    const { messages } = conversationOf({ messages: [user({ type: "document", ...given })] }, links);
    expect(messages[0]?.content).toEqual([{ type: "document", ...expected }] as never);
  });

  test("citations of a document are named as without effect", () => {
    const document = { type: "document", source: { type: "text", data: "words" }, citations: { enabled: true } };
    expect(decode({ messages: [user(document)] }).ignored).toEqual(["citations"]);
    expect(decode({ messages: [user({ ...document, citations: { enabled: false } })] }).ignored).toEqual([]);
  });

  test("an image may be a link where the server allows it", () => {
    const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
    expect(conversationOf({ messages: [user(image)] }, links).messages[0]?.content).toEqual([image] as never);
  });

  test("keys that nobody knows are not passed on", () => {
    const odd = { ...text("hi"), citations: [], cache_control: { type: "ephemeral" }, novelty: 1 };
    expect(messagesOf(user(odd), { ...assistant(text("yes")), id: "msg_1" }, hi)).toEqual([
      { role: "user", content: [text("hi")] },
      { role: "assistant", content: [text("yes")] },
      { role: "user", content: [text("hi")] },
    ] as never);
  });
});

describe("parameters", () => {
  test.each<[string, object, object]>([
    ["the figures", { temperature: 0, top_p: 0.5, top_k: 3 }, { temperature: 0, topP: 0.5, topK: 3 }],
    ["stop sequences", { stop_sequences: ["END", "\n"] }, { stop: ["END", "\n"] }],
    ["a thinking budget", { thinking: { type: "enabled", budget_tokens: 2048 } }, { thinkingBudget: 2048 }],
    ["no thinking", { thinking: { type: "disabled" } }, { effort: "none" }],
    ["adaptive thinking", { thinking: { type: "adaptive" } }, {}],
    ["an effort", { output_config: { effort: "xhigh" } }, { effort: "xhigh" }],
    ["nulls", { temperature: null, thinking: null, output_config: { effort: null }, stop_sequences: null }, {}],
  ])("%s reach the model", (_name, changed, expected) => {
    expect(decode(changed)).toMatchObject({ ignored: [] });
    expect(conversationOf(changed).sampling).toEqual({ maxTokens: 100, stop: [], ...expected });
  });

  test.each<[string, object, string[]]>([
    [
      "an effort without thinking",
      { thinking: { type: "disabled" }, output_config: { effort: "low" } },
      ["output_config.effort"],
    ],
    ["thinking between tools", { thinking: { type: "between_tools" } }, ["thinking"]],
    ["a tier", { service_tier: "priority" }, ["service_tier"]],
    ["usual tiers", { service_tier: "auto" }, []],
    ["servers and a container", { mcp_servers: [{ type: "url" }], container: "c" }, ["mcp_servers", "container"]],
    ["no servers", { mcp_servers: [], container: null, context_management: {} }, []],
    ["a faster tier", { speed: "fast" }, ["speed"]],
    ["a cache mark and a user", { cache_control: { type: "ephemeral" }, metadata: { user_id: "u" } }, []],
    ["a tool with a strange type", { tools: [{ type: "Ein Geheimnis", name: "x" }] }, ["tools"]],
  ])("%s: named where it would have had an effect", (_name, changed, expected) => {
    expect(decode(changed).ignored).toEqual(expected);
  });

  test.each(["output_config", "output_format"])("a schema in %s is the output's", (name) => {
    const format = { type: "json_schema", schema: { type: "object", properties: { a: { const: null } } } };
    const { output } = conversationOf({ [name]: name === "output_format" ? format : { format } });
    expect(output).toEqual({ name: "output", schema: format.schema });
  });

  test("hints of head and body, each once and of bounded length", () => {
    const { hints } = conversationOf(
      { session_id: "s", conversation_id: 7, prompt_cache_key: "head", metadata: { user_id: "u".repeat(999) } },
      { ...context, hints: ["head"] },
    );
    expect(hints).toEqual(["head", "s", "u".repeat(256)]);
  });
});

describe("tools", () => {
  const tool = { name: "get", input_schema: { type: "object" } };

  test.each<[string, object | null, object, boolean]>([
    ["nothing said", null, { type: "auto" }, true],
    ["auto", { type: "auto", disable_parallel_tool_use: true }, { type: "auto" }, false],
    ["any", { type: "any", disable_parallel_tool_use: false }, { type: "any" }, true],
    ["none", { type: "none" }, { type: "none" }, true],
    ["one tool", { type: "tool", name: "get" }, { type: "tool", name: "get" }, true],
  ])("choice: %s", (_name, choice, expected, parallel) => {
    expect(conversationOf({ tools: [tool], tool_choice: choice }).toolbox).toMatchObject({
      choice: expected,
      parallel,
    });
  });

  test("no tools are no toolbox", () => {
    expect(conversationOf({ tools: [] }).toolbox).toBeNull();
    expect(conversationOf({ tools: [{ type: "bash_20250124", name: "bash" }] }).toolbox).toBeNull();
    expect(conversationOf({ tool_choice: { type: "auto" } }).toolbox).toBeNull();
  });

  test("what is left out is filled in", () => {
    expect(conversationOf({ tools: [{ type: "custom", name: "now" }] }).toolbox?.tools).toEqual([
      { name: "now", description: "", inputSchema: { type: "object", properties: {} } },
    ]);
  });
});

describe("refusals", () => {
  const tool = { name: "get", input_schema: { type: "object" } };
  const deep = JSON.parse(`${'{"a":'.repeat(300)}1${"}".repeat(300)}`);

  test.each<[string, object, string]>([
    ["no max_tokens", { max_tokens: null }, "max_tokens"],
    ["no tokens at all", { max_tokens: 0 }, "max_tokens"],
    ["no messages", { messages: [] }, "messages"],
    ["an unknown role", { messages: [{ role: "tool", content: "x" }] }, "messages.0.role"],
    ["content without a form", { messages: [{ role: "user", content: 7 }] }, "messages.0.content"],
    ["a user message without content", { messages: [user(text(""))] }, "messages.0.content"],
    ["a begun answer", { messages: [hi, assistant(text(secret))] }, "messages"],
    ["a call at the end", { messages: [hi, assistant(call("a"))] }, "messages"],
    ["only system messages", { messages: [{ role: "system", content: secret }] }, "messages"],
    ["an unknown block", { messages: [user({ type: "container_upload", file_id: "f" })] }, "messages.0.content.0.type"],
    ["a call of the user's", { messages: [user(call("a"))] }, "messages.0.content.0.type"],
    ["a result of the assistant's", { messages: [hi, assistant(result("a")), hi] }, "messages.1.content.0.type"],
    [
      "an image in a system message",
      { messages: [{ role: "system", content: [{ type: "image" }] }, hi] },
      "messages.0.content.0.type",
    ],
    ["an image in the system prompt", { system: [{ type: "image" }] }, "system.0.type"],
    ["a text without text", { messages: [user({ type: "text" })] }, "messages.0.content.0.text"],
    ["an orphan result", { messages: [user(result("a"))] }, "messages.0.content.0.tool_use_id"],
    [
      "a late result",
      { messages: [hi, assistant(call("a")), hi, assistant(text("x")), user(result("a"))] },
      "messages.4.content.0.tool_use_id",
    ],
    [
      "a second result",
      { messages: [hi, assistant(call("a")), user(result("a"), result("a"))] },
      "messages.2.content.1.tool_use_id",
    ],
    [
      "two calls of one id",
      { messages: [hi, assistant(call("a"), call("a")), user(result("a"))] },
      "messages.1.content.1.id",
    ],
    ["a call's strange id", { messages: [hi, assistant(call("a b")), user(result("a b"))] }, "messages.1.content.0.id"],
    [
      "input that is no object",
      { messages: [hi, assistant(call("a", [1])), user(result("a"))] },
      "messages.1.content.0.input",
    ],
    [
      "input without a bottom",
      { messages: [hi, assistant(call("a", deep)), user(result("a"))] },
      "messages.1.content.0.input",
    ],
    [
      "an unknown part of a result",
      { messages: [hi, assistant(call("a")), user(result("a", { content: [{ type: "tool_reference" }] }))] },
      "messages.2.content.0.content.0.type",
    ],
    [
      "an image by link",
      { messages: [user({ type: "image", source: { type: "url", url: "https://a.b/c" } })] },
      "messages.0.content.0.source.url",
    ],
    [
      "a document by link",
      { messages: [user({ type: "document", source: { type: "url", url: "https://a.b/c" } })] },
      "messages.0.content.0.source.url",
    ],
    [
      "an uploaded file",
      { messages: [user({ type: "image", source: { type: "file", file_id: "f" } })] },
      "messages.0.content.0.source.type",
    ],
    [
      "a document that is no PDF",
      { messages: [user({ type: "document", source: { type: "base64", media_type: "text/rtf", data: pdf } })] },
      "messages.0.content.0.source.data",
    ],
    ["a temperature above 1", { temperature: 1.5 }, "temperature"],
    ["an empty stop sequence", { stop_sequences: [""] }, "stop_sequences.0"],
    ["an unknown effort", { output_config: { effort: "none" } }, "output_config.effort"],
    ["a budget without tokens", { thinking: { type: "enabled" } }, "thinking.budget_tokens"],
    ["a small budget", { thinking: { type: "enabled", budget_tokens: 10 } }, "thinking.budget_tokens"],
    ["an unknown format", { output_config: { format: { type: "text" } } }, "output_config.format.type"],
    ["a thread", { thread: { type: "create" } }, "thread"],
    ["a format without a schema", { output_format: { type: "json_schema" } }, "output_format.schema"],
    ["a tool without a name", { tools: [{ input_schema: {} }] }, "tools.0.name"],
    ["a tool's strange name", { tools: [{ ...tool, name: "a.b" }] }, "tools.0.name"],
    ["two tools of one name", { tools: [tool, tool] }, "tools.1.name"],
    [
      "a schema that is no object's",
      { tools: [{ name: "get", input_schema: { type: "array" } }] },
      "tools.0.input_schema.type",
    ],
    ["a forced call without tools", { tool_choice: { type: "any" } }, "tool_choice"],
    [
      "a forced call of a tool that is not there",
      { tools: [tool], tool_choice: { type: "tool", name: "put" } },
      "tool_choice",
    ],
    [
      "a forced call of a server tool",
      { tools: [{ type: "bash_20250124", name: "bash" }], tool_choice: { type: "tool", name: "bash" } },
      "tool_choice",
    ],
    ["a forced call without a name", { tools: [tool], tool_choice: { type: "tool" } }, "tool_choice.name"],
  ])("%s", (_name, changed, param) => {
    const error = failure(() => decode(changed));
    expect([error.code, error.param]).toEqual(["invalid_request", param]);
    expect(error.message).not.toContain(secret);
  });

  test("an unknown model is a 404 of its own", () => {
    expect(failure(() => decode({ model: "gpt-5" })).code).toBe("model_not_found");
  });

  test("images are held to their limits", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: png } };
    expect(failure(() => decode({ messages: [user(image, image, image)] })).reason).toBe("too_many_images");
  });
});

describe("a request to count", () => {
  test("needs no max_tokens and may end with the assistant's message", () => {
    const { messages } = decodeCountRequest({ messages: [hi, assistant(text("yes"))] }, context);
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
  });

  test("is held to everything else", () => {
    expect(failure(() => decodeCountRequest({ messages: [] }, context)).param).toBe("messages");
    expect(failure(() => decodeCountRequest({ messages: [hi], model: "gpt-5" }, context)).code).toBe("model_not_found");
  });
});
