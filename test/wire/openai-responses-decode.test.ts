/** OpenAI's Responses request as a conversation: literals in, literals out. */

import { describe, expect, test } from "bun:test";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import { decodeResponsesRequest, type ResponsesContext } from "../../src/wire/openai-responses/decode.ts";
import type { Recall } from "../../src/wire/openai-responses/input.ts";
import { sealThinking } from "../../src/wire/openai-responses/reasoning.ts";
import { failure } from "./failure.ts";

const pngData = btoa("\x89PNG\r\n\x1a\na picture");
const png = `data:image/png;base64,${pngData}`;
const pngBlock = { type: "image", source: { type: "base64", media_type: "image/png", data: pngData } };
const pdf = `data:application/pdf;base64,${btoa("%PDF-1.7")}`;
const context: ResponsesContext = {
  catalog: createCatalog(models),
  images: { allowUrl: false, maxBytes: 100, maxCount: 3, maxTotalBytes: 150 },
  hints: [],
};
const decode = (body: object, more: Partial<ResponsesContext> = {}) =>
  decodeResponsesRequest(body, { ...context, ...more });
const conversationOf = (body: object) => decode({ input: "hi", ...body }).conversation;
const messagesOf = (...input: unknown[]) => decode({ input }).conversation.messages;

const text = (value: string) => ({ type: "text", text: value });
const says = (content: unknown) => ({ role: "user", content });
const call = (call_id: string, args = "{}") => ({ type: "function_call", call_id, name: "f", arguments: args });
const output = (call_id: string, value: unknown = "ok") => ({ type: "function_call_output", call_id, output: value });
const user = (...content: unknown[]) => ({ role: "user" as const, content });
const assistant = (...content: unknown[]) => ({ role: "assistant" as const, content });
const toolUse = (id: string, input = {}) => ({ type: "tool_use", id, name: "f", input });
const result = (id: string, ...content: unknown[]) => ({ type: "tool_result", tool_use_id: id, content });
const thought = { type: "thinking", thinking: "hm", signature: "sig" } as const;
const redacted = { type: "redacted_thinking", data: "sealed" } as const;
const reasoning = (encrypted_content?: string | null) => ({
  type: "reasoning",
  id: "rs_1",
  summary: [],
  encrypted_content,
});

const echoTool = {
  type: "function",
  name: "echo",
  description: "Says it.",
  parameters: { type: "object" },
  strict: true,
};
const bareTool = { type: "function", name: "bare" };

test("the shortest request gets the usual model and nothing else", () => {
  const decoded = decode({ input: "hi" });
  expect(decoded).toMatchObject({
    stream: false,
    model: "claude-sonnet-5-5",
    store: true,
    sealed: false,
    items: [{ type: "message", role: "user", content: "hi" }],
    ignored: [],
  });
  expect(decoded.conversation).toEqual({
    model: "claude-sonnet-5-5",
    system: "",
    messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
    toolbox: null,
    output: null,
    sampling: { stop: [] },
    hints: [],
  });
});

test("a request of Codex is understood: what it asks in vain is named, and nothing of it is refused", () => {
  const decoded = decode({
    model: "claude-sonnet-4-6",
    instructions: "You are a coding agent.",
    input: [
      { type: "message", id: "m1", role: "developer", content: [{ type: "input_text", text: "Sandboxed." }] },
      { type: "message", id: "m2", role: "developer", content: [{ type: "input_text", text: "Be brief." }] },
      { type: "message", id: "m3", role: "user", content: [{ type: "input_text", text: "List the files." }] },
      { type: "reasoning", id: "rs_9", summary: [], content: null, encrypted_content: "gAAAA-of-another-api" },
      { type: "function_call", id: "fc_1", name: "shell", arguments: '{"command":["ls"]}', call_id: "toolu_1" },
      { type: "function_call_output", id: "o1", call_id: "toolu_1", output: "a.txt" },
    ],
    tools: [
      { type: "function", name: "shell", description: "Runs.", strict: false, parameters: { type: "object" } },
      { type: "namespace", name: "mcp", description: "x", tools: [{ type: "function", name: "inner" }] },
      { type: "web_search", external_web_access: false },
      { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } },
    ],
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { summary: "auto", effort: "medium" },
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "conversation-1",
    client_metadata: { "x-codex-installation-id": "i" },
    text: {},
  });
  expect(decoded).toMatchObject({ stream: true, store: false, sealed: true, model: "claude-sonnet-4-6" });
  expect(decoded.ignored).toEqual(["tools.namespace", "tools.web_search", "tools.custom"]);
  expect(decoded.conversation as unknown).toEqual({
    model: "claude-sonnet-4-6",
    system: "You are a coding agent.\n\nSandboxed.\n\nBe brief.",
    messages: [
      user(text("List the files.")),
      assistant({ type: "tool_use", id: "toolu_1", name: "shell", input: { command: ["ls"] } }),
      user(result("toolu_1", text("a.txt"))),
    ],
    toolbox: {
      tools: [{ name: "shell", description: "Runs.", inputSchema: { type: "object" } }],
      choice: { type: "auto" },
      parallel: true,
    },
    output: null,
    sampling: { effort: "medium", stop: [] },
    hints: ["conversation-1"],
  });
});

describe("items", () => {
  test.each<[string, unknown[], unknown[]]>([
    ["a message without a type", [says("a")], [user(text("a"))]],
    [
      "neighbours of one role are one message",
      [says("a"), says([{ type: "input_text", text: "b" }])],
      [user(text("a"), text("b"))],
    ],
    [
      "images and documents",
      [
        says([
          { type: "input_image", image_url: png, detail: "auto" },
          { type: "input_file", filename: "a.pdf", file_data: pdf },
        ]),
      ],
      [
        user(pngBlock, {
          type: "document",
          source: { type: "base64", media_type: "application/pdf", data: btoa("%PDF-1.7") },
          title: "a.pdf",
        }),
      ],
    ],
    [
      "an answer with its annotations, phase and status",
      [
        says("a"),
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          phase: "final_answer",
          content: [
            { type: "output_text", text: "b", annotations: [], logprobs: [] },
            { type: "refusal", refusal: "c" },
          ],
        },
        says("d"),
      ],
      [user(text("a")), assistant(text("b"), text("c")), user(text("d"))],
    ],
    [
      "an answer without content is left out",
      [says("a"), { role: "assistant", content: [] }, says("b")],
      [user(text("a"), text("b"))],
    ],
    [
      "thinking that we sealed goes before what follows it",
      [says("a"), reasoning(sealThinking(thought)), reasoning(sealThinking(redacted)), call("c1"), output("c1")],
      [user(text("a")), assistant(thought, redacted, toolUse("c1")), user(result("c1", text("ok")))],
    ],
    [
      "thinking that nothing follows, and what others sealed, is left out",
      [
        says("a"),
        reasoning("gAAAAB"),
        reasoning("ocp1.bm90IGpzb24"),
        reasoning(null),
        reasoning(sealThinking(thought)),
        says("b"),
      ],
      [user(text("a"), text("b"))],
    ],
    [
      "several calls, and their outputs in another order",
      [says("a"), call("c1", '{"x":1}'), call("c2"), output("c2", "two"), output("c1", "one")],
      [
        user(text("a")),
        assistant(toolUse("c1", { x: 1 }), toolUse("c2")),
        user(result("c2", text("two")), result("c1", text("one"))),
      ],
    ],
    [
      "an output of parts, with an image",
      [
        call("c1"),
        output("c1", [
          { type: "input_text", text: "see" },
          { type: "input_image", image_url: png },
        ]),
      ],
      [assistant(toolUse("c1")), user(result("c1", text("see"), pngBlock))],
    ],
    [
      "a call without an output gets one that says so",
      [call("c1"), call("c2"), output("c1"), says("go on")],
      [
        assistant(toolUse("c1"), toolUse("c2")),
        user(
          result("c1", text("ok")),
          { ...result("c2", text("No result was returned for this call.")), is_error: true },
          text("go on"),
        ),
      ],
    ],
  ])("%s", (_name, input, messages) => {
    expect(messagesOf(...input) as unknown).toEqual(messages);
  });

  test("of other types are left out and named, whatever their fields look like", () => {
    const decoded = decode({
      input: [
        says("a"),
        { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search" } },
        { type: "shell_call_output", call_id: "s1", output: [{ stdout: "x", outcome: { type: "exit" } }] },
        { type: "tool_search_call", arguments: { q: 1 } },
        { type: "What the user wrote" },
      ],
    });
    expect(decoded.conversation.messages as unknown).toEqual([user(text("a"))]);
    expect(decoded.ignored).toEqual([
      "input.web_search_call",
      "input.shell_call_output",
      "input.tool_search_call",
      "input",
    ]);
    expect(decoded.items).toHaveLength(1);
  });
});

test("system texts before the first message come in order: instructions, messages, the operator's", () => {
  const body = {
    instructions: "One.",
    input: [{ role: "system", content: "Two." }, says("hi"), { role: "developer", content: "Three." }],
  };
  const { conversation } = decode(body, { systemPrompt: "Four." });
  expect(conversation.system).toBe("One.\n\nTwo.\n\nFour.");
  expect(conversation.messages as unknown[]).toEqual([user(text("hi"), { type: "system", text: "Three." })]);
});

describe("parameters", () => {
  test.each<[string, object, object]>([
    ["max_output_tokens", { max_output_tokens: 9 }, { maxTokens: 9, stop: [] }],
    ["temperature and top_p", { temperature: 0.5, top_p: 0.1 }, { temperature: 0.5, topP: 0.1, stop: [] }],
    ["reasoning", { reasoning: { effort: "minimal", summary: "auto" } }, { effort: "low", stop: [] }],
    ["null everywhere", { max_output_tokens: null, temperature: null, reasoning: null, text: null }, { stop: [] }],
  ])("%s", (_name, body, sampling) => {
    expect(conversationOf(body).sampling).toEqual(sampling as never);
    expect(decode({ input: "hi", ...body }).ignored).toEqual([]);
  });

  test("without effect are named, unless they would have changed nothing", () => {
    const inVain = {
      truncation: "auto",
      max_tool_calls: 3,
      top_logprobs: 2,
      service_tier: "flex",
      text: { verbosity: "low" },
    };
    expect(decode({ input: "hi", ...inVain, temperature: 1.5 }).ignored.sort()).toEqual([
      "max_tool_calls",
      "service_tier",
      "temperature",
      "text.verbosity",
      "top_logprobs",
      "truncation",
    ]);
    const harmless = { truncation: "disabled", top_logprobs: 0, service_tier: "auto", text: { verbosity: "medium" } };
    const more = { user: "u", metadata: { a: "b" }, safety_identifier: "s", background: false, odd: { x: [null] } };
    expect(decode({ input: "hi", ...harmless, ...more }).ignored).toEqual([]);
  });

  test.each<[string, object, unknown]>([
    ["auto", {}, { type: "auto" }],
    ["none", { tool_choice: "none" }, { type: "none" }],
    ["required", { tool_choice: "required" }, { type: "any" }],
    ["a function", { tool_choice: { type: "function", name: "bare" } }, { type: "tool", name: "bare" }],
  ])("tool choice: %s", (_name, body, choice) => {
    expect(conversationOf({ tools: [echoTool, bareTool], ...body }).toolbox as unknown).toEqual({
      tools: [
        { name: "echo", description: "Says it.", inputSchema: { type: "object" } },
        { name: "bare", description: "", inputSchema: { type: "object", properties: {} } },
      ],
      choice,
      parallel: true,
    });
  });

  test("allowed tools narrow the offer, and parallel calls can be switched off", () => {
    const tool_choice = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "bare" }] };
    const toolbox = conversationOf({ tools: [echoTool, bareTool], tool_choice, parallel_tool_calls: false }).toolbox;
    expect(toolbox).toMatchObject({ tools: [{ name: "bare" }], choice: { type: "any" }, parallel: false });
    expect(toolbox?.tools).toHaveLength(1);
  });

  test("a schema stays as it was written, with its nulls", () => {
    const schema = { type: "object", properties: { a: { default: null, enum: ["x", null] } } };
    const format = { type: "json_schema", name: "shape", schema, strict: true };
    const { toolbox, output } = conversationOf({ tools: [{ ...echoTool, parameters: schema }], text: { format } });
    expect(toolbox?.tools[0]?.inputSchema).toEqual(schema);
    expect(output).toEqual({ name: "shape", schema });
  });

  test.each<[string, object, unknown]>([
    ["text", { type: "text" }, null],
    ["json_object", { type: "json_object" }, { name: "json_object", schema: null }],
    [
      "a described schema",
      { type: "json_schema", name: "a", description: "d", schema: { type: "object" } },
      { name: "a", schema: { description: "d", type: "object" } },
    ],
  ])("text format: %s", (_name, format, expected) => {
    expect(conversationOf({ text: { format } }).output).toEqual(expected as never);
  });

  test("hints come from the head and from the body", () => {
    const { hints } = decode({ input: "hi", prompt_cache_key: "b", session_id: "c" }, { hints: ["a"] }).conversation;
    expect(hints).toEqual(["a", "c", "b"]);
  });

  test("those in effect are what the response repeats", () => {
    const tools = [echoTool, { type: "web_search" }];
    const { echo } = decode({ input: "hi", tools, temperature: 0.2, instructions: "Be brief.", metadata: { a: "b" } });
    expect(echo).toMatchObject({
      temperature: 0.2,
      instructions: "Be brief.",
      metadata: { a: "b" },
      tool_choice: "auto",
    });
    expect(echo.tools.map(({ type, name }) => [type, name])).toEqual([["function", "echo"]]);
  });
});

describe("what is remembered", () => {
  const said = [says("a"), { type: "message", role: "assistant", content: "b" }] as const;
  const recall: Recall = {
    conversation: (id) => (id === "resp_1" ? ([...said] as never) : undefined),
    item: (id) => (id === "fc_1" ? { ...call("c1"), id } : undefined),
  };

  test("goes before the input, and is remembered with it", () => {
    const { conversation, items } = decode({ previous_response_id: "resp_1", input: "c" }, { recall });
    expect(conversation.messages as unknown).toEqual([user(text("a")), assistant(text("b")), user(text("c"))]);
    expect(items).toHaveLength(3);
  });

  test("stands where an item refers to it", () => {
    const input = [says("a"), { type: "item_reference", id: "fc_1" }, output("c1")];
    const { conversation, items } = decode({ input }, { recall });
    expect(conversation.messages as unknown).toEqual([
      user(text("a")),
      assistant(toolUse("c1")),
      user(result("c1", text("ok"))),
    ]);
    expect(items.map(({ type }) => type)).not.toContain("item_reference");
  });

  test.each<[string, Partial<ResponsesContext>]>([
    ["nothing is remembered", {}],
    ["others are remembered", { recall }],
  ])("is missed with a clear error when %s", (_name, more) => {
    const response = failure(() => decode({ previous_response_id: "resp_2", input: "c" }, more));
    expect(response).toMatchObject({
      code: "not_found",
      reason: "previous_response_not_found",
      param: "previous_response_id",
    });
    const reference = failure(() => decode({ input: [says("a"), { type: "item_reference", id: "fc_2" }] }, more));
    expect(reference).toMatchObject({ code: "invalid_request", reason: "item_not_found", param: "input.1.id" });
  });
});

describe("is refused, by the path of what is wrong:", () => {
  const secret = "SECRET";
  test.each<[string, object, string | undefined]>([
    ["no input", {}, "input"],
    ["an empty input", { input: "" }, "input"],
    ["a blank input", { input: " \n" }, "input"],
    ["no items", { input: [] }, "input"],
    ["an input of another kind", { input: 7 }, "input"],
    ["an end with the assistant", { input: [says("a"), { role: "assistant", content: secret }] }, "input"],
    ["an empty message", { input: [says([])] }, "input.0.content"],
    ["a message without a role", { input: [{ type: "message", content: secret }] }, "input.0.role"],
    ["an unknown role", { input: [{ role: secret, content: "a" }] }, "input.0.role"],
    ["unknown content", { input: [says([{ type: "input_audio", data: secret }])] }, "input.0.content.0.type"],
    ["a file by id", { input: [says([{ type: "input_file", file_id: secret }])] }, "input.0.content.0.file_id"],
    [
      "an image by URL",
      { input: [says([{ type: "input_image", image_url: "http://h/SECRET" }])] },
      "input.0.content.0.image_url",
    ],
    [
      "an image for the system",
      { input: [{ role: "system", content: [{ type: "input_image", image_url: png }] }] },
      "input.0.content",
    ],
    ["a call without an id", { input: [{ type: "function_call", name: "f" }] }, "input.0.call_id"],
    ["a call without a name", { input: [{ type: "function_call", call_id: "c" }] }, "input.0.name"],
    ["arguments that are no object", { input: [call("c", secret), output("c")] }, "input.0.arguments"],
    ["an output without a call", { input: [says("a"), output(secret)] }, "input.1.call_id"],
    ["a second output of a call", { input: [call("c"), output("c"), output("c")] }, "input.2.call_id"],
    [
      "a late output",
      { input: [call("c"), says("a"), { role: "assistant", content: "b" }, output("c")] },
      "input.3.call_id",
    ],
    ["the background", { input: "a", background: true }, "background"],
    ["a conversation", { input: "a", conversation: secret }, "conversation"],
    ["a prompt template", { input: "a", prompt: { id: secret } }, "prompt"],
    ["no tokens", { input: "a", max_output_tokens: 0 }, "max_output_tokens"],
    ["too hot", { input: "a", temperature: 3 }, "temperature"],
    ["an unknown effort", { input: "a", reasoning: { effort: secret } }, "reasoning.effort"],
    ["two tools of one name", { input: "a", tools: [bareTool, bareTool] }, "tools.1.name"],
    ["a tool's name", { input: "a", tools: [{ type: "function", name: "a b SECRET" }] }, "tools.0.name"],
    [
      "a tool's schema",
      { input: "a", tools: [{ ...bareTool, parameters: { type: "array" } }] },
      "tools.0.parameters.type",
    ],
    ["a forced call without tools", { input: "a", tool_choice: "required" }, "tool_choice"],
    [
      "a forced call of a skipped tool",
      { input: "a", tools: [bareTool], tool_choice: { type: "web_search" } },
      "tool_choice",
    ],
    [
      "a forced call of an unknown tool",
      { input: "a", tools: [bareTool], tool_choice: { type: "function", name: secret } },
      "tool_choice",
    ],
    ["an unknown format", { input: "a", text: { format: { type: secret } } }, "text.format.type"],
    [
      "a format without a schema",
      { input: "a", text: { format: { type: "json_schema", name: "a" } } },
      "text.format.schema",
    ],
    [
      "a format's name",
      { input: "a", text: { format: { type: "json_schema", name: "a b", schema: {} } } },
      "text.format.name",
    ],
  ])("%s", (_name, body, param) => {
    const error = failure(() => decode(body));
    expect([error.code, error.param]).toEqual(["invalid_request", param]);
    expect(error.message).not.toContain(secret);
  });

  test("a model that does not exist", () => {
    expect(failure(() => decode({ model: "gpt-5", input: "a" }))).toMatchObject({
      code: "model_not_found",
      param: "model",
    });
  });

  test.each([[null], [[]], ["a"], [1]])("a body that is no object: %p", (body) => {
    expect(failure(() => decodeResponsesRequest(body, context)).code).toBe("invalid_request");
  });
});
