/** What OpenAI's chat clients offer the model, force it to, and want its answer to fit: literals in, literals out. */

import { describe, expect, test } from "bun:test";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import type { ToolChoice } from "../../src/core/conversation.ts";
import { decodeChatRequest } from "../../src/wire/openai-chat/decode.ts";
import { decodeResponsesShaped, isResponsesShaped } from "../../src/wire/openai-chat/responses-shaped.ts";
import { failure } from "./failure.ts";

const context = {
  catalog: createCatalog(models),
  images: { allowUrl: false, maxBytes: 100, maxCount: 3, maxTotalBytes: 150 },
  hints: [],
};
const decode = (body: object, hints: string[] = []) =>
  decodeChatRequest({ messages: [{ role: "user", content: "hi" }], ...body }, { ...context, hints });

const noParameters = { type: "object", properties: {} };
const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tool = (name: string, more: object = {}) => ({ type: "function", function: { name, ...more } });
const offered = (name: string, description = "", inputSchema: object = noParameters) => ({
  name,
  description,
  inputSchema,
});

describe("tools", () => {
  test.each<[string, object[], object[]]>([
    ["with all that can be said", [tool("f", { description: "d", parameters: city })], [offered("f", "d", city)]],
    [
      "without parameters",
      [tool("f"), tool("g", { description: null, parameters: null })],
      [offered("f"), offered("g")],
    ],
    ["with `strict`, which changes nothing", [tool("f", { parameters: city, strict: true })], [offered("f", "", city)]],
    ["without `type`", [{ function: { name: "f" } }], [offered("f")]],
    [
      "with the function's fields beside `type`",
      [{ type: "function", name: "f", description: "d", parameters: city }],
      [offered("f", "d", city)],
    ],
    ["with the longest name", [tool("a-Z_9".padEnd(128, "x"))], [offered("a-Z_9".padEnd(128, "x"))]],
  ])("%s", (_name, tools, expected) => {
    const { conversation, ignored, legacyCalls } = decode({ tools });
    expect(conversation.toolbox as unknown).toEqual({ tools: expected, choice: { type: "auto" }, parallel: true });
    expect(ignored).toEqual([]);
    expect(legacyCalls).toBe(false);
  });

  test("a schema stays as it is written, only the type of its root is added", () => {
    const parameters = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      "x-order": [null, { deep: null }],
      $defs: { a: { const: null } },
      properties: { a: { default: null, enum: ["b", null] }, parameters: { default: null } },
    };
    const { toolbox } = decode({ tools: [tool("f", { parameters })] }).conversation;
    expect(JSON.stringify(toolbox?.tools[0]?.inputSchema)).toBe(JSON.stringify({ type: "object", ...parameters }));
  });

  test("none are no toolbox", () => {
    for (const body of [
      {},
      { tools: [] },
      { tools: null, functions: [], tool_choice: "none", function_call: "auto" },
    ]) {
      expect(decode(body).conversation.toolbox).toBeNull();
    }
  });

  test("of other kinds are skipped and named, each kind once, and nothing of theirs is repeated", () => {
    const others = [
      { type: "web_search", search_context_size: "low" },
      { type: "custom", name: "ApplyPatch", description: "d", format: { type: "grammar" } },
      { type: "custom", custom: { name: "zebra9" } },
      { type: "namespace", name: "n", tools: [tool("inner")] },
      { type: "zebra9 said\r\nx: y" },
    ];
    const { conversation, ignored } = decode({ tools: [...others, tool("f")], tool_choice: "required" });
    expect(conversation.toolbox?.tools.map(({ name }) => name)).toEqual(["f"]);
    expect(ignored).toEqual(["tools.web_search", "tools.custom", "tools.namespace", "tools"]);
    expect(decode({ tools: others }).conversation.toolbox).toBeNull();
  });
});

describe("the choice", () => {
  const tools = [tool("f"), tool("g")];
  const allowed = (mode: string) => ({ mode, tools: [tool("g")] });

  test.each<[choice: unknown, expected: ToolChoice, names?: string[]]>([
    [null, { type: "auto" }],
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "any" }],
    [{ type: "auto" }, { type: "auto" }],
    [
      { type: "function", function: { name: "g" } },
      { type: "tool", name: "g" },
    ],
    [
      { type: "function", name: "g" },
      { type: "tool", name: "g" },
    ],
    [{ type: "allowed_tools", allowed_tools: allowed("auto") }, { type: "auto" }, ["g"]],
    [{ type: "allowed_tools", allowed_tools: allowed("required") }, { type: "any" }, ["g"]],
    [{ type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "g" }] }, { type: "auto" }, ["g"]],
  ])("%j", (tool_choice, expected, names = ["f", "g"]) => {
    const { toolbox } = decode({ tools, tool_choice }).conversation;
    expect(toolbox?.choice).toEqual(expected);
    expect(toolbox?.tools.map(({ name }) => name)).toEqual(names);
  });

  test.each([
    [undefined, true],
    [null, true],
    [true, true],
    [false, false],
  ])("parallel_tool_calls %p", (parallel_tool_calls, parallel) => {
    expect(decode({ tools, parallel_tool_calls }).conversation.toolbox?.parallel).toBe(parallel);
  });
});

describe("the older functions", () => {
  test.each<[choice: unknown, expected: ToolChoice]>([
    [null, { type: "auto" }],
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    [{ name: "g" }, { type: "tool", name: "g" }],
  ])("with function_call %j, one call at a time", (function_call, choice) => {
    const functions = [{ name: "f", description: "d", parameters: city }, { name: "g" }];
    const { conversation, legacyCalls } = decode({ functions, function_call, parallel_tool_calls: true });
    const tools = [offered("f", "d", city), offered("g")];
    expect(conversation.toolbox as unknown).toEqual({ tools, choice, parallel: false });
    expect(legacyCalls).toBe(true);
  });
});

describe("the answer's format", () => {
  const format = (json_schema: object) => ({ response_format: { type: "json_schema", json_schema } });

  test.each<[string, object, unknown]>([
    ["none", {}, null],
    ["null", { response_format: null }, null],
    ["text", { response_format: { type: "text" } }, null],
    ["any object", { response_format: { type: "json_object" } }, { name: "json_object", schema: null }],
    ["a schema", format({ name: "a-B_9", schema: city, strict: true }), { name: "a-B_9", schema: city }],
    ["a name alone", format({ name: "a", schema: null }), { name: "a", schema: null }],
    [
      "a description, which the schema then carries",
      format({ name: "a", description: "d", schema: city }),
      { name: "a", schema: { description: "d", ...city } },
    ],
    [
      "a description beside the schema's own, which stays",
      format({ name: "a", description: "d", schema: { ...city, description: "own" } }),
      { name: "a", schema: { ...city, description: "own" } },
    ],
    [
      "a description alone",
      format({ name: "a", description: "d" }),
      { name: "a", schema: { type: "object", description: "d" } },
    ],
  ])("%s", (_name, body, expected) => {
    const { conversation, ignored } = decode(body);
    expect(conversation.output as unknown).toEqual(expected);
    expect(ignored).toEqual([]);
  });

  test("may come with tools", () => {
    const { toolbox, output } = decode({ tools: [tool("f")], ...format({ name: "a", schema: city }) }).conversation;
    expect([toolbox?.tools.length, output?.name]).toEqual([1, "a"]);
  });

  test("has its schema as it is written", () => {
    const schema = { type: "object", properties: { a: { default: null, anyOf: [{ const: null }] } } };
    expect(decode(format({ name: "a", schema })).conversation.output?.schema).toEqual(schema);
  });
});

test("the conversation's names come from head and body, each once, and are names", () => {
  const body = { session_id: "s", conversation_id: "h", prompt_cache_key: "k", user: "u", safety_identifier: "i" };
  expect(decode(body, ["h"]).conversation.hints).toEqual(["h", "s", "k"]);
  expect(decode({ session_id: 5, conversation_id: "", prompt_cache_key: {} }).conversation.hints).toEqual([]);
});

/** Stands where a client's own words stand; no error may repeat it. */
const secret = "zebra9";

describe("what is refused names its place and repeats nothing", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
  const parameters = (schema: unknown) => ({ tools: [tool("f", { parameters: schema })] });
  const jsonSchema = (json_schema: unknown) => ({ response_format: { type: "json_schema", json_schema } });
  const choose = (tool_choice: unknown) => ({ tools: [tool("f")], tool_choice });
  const allow = (allowed_tools: unknown) => choose({ type: "allowed_tools", allowed_tools });

  const refusals: Array<[body: object, param: string]> = [
    [{ tools: secret }, "tools"],
    [{ tools: [secret] }, "tools.0"],
    [{ tools: [{ type: "function" }] }, "tools.0.function"],
    [{ tools: [{ name: secret, input_schema: {} }] }, "tools.0.function"],
    [{ tools: [{ type: "function", function: {} }] }, "tools.0.function.name"],
    [{ tools: [tool("f"), tool("")] }, "tools.1.function.name"],
    [{ tools: [tool(`${secret}.b`)] }, "tools.0.function.name"],
    [{ tools: [tool(secret.repeat(22))] }, "tools.0.function.name"],
    [{ tools: [tool(secret), { type: "custom" }, tool(secret)] }, "tools.2.function.name"],
    [{ tools: [{ type: "function", name: `${secret} b` }] }, "tools.0.name"],
    [{ tools: [{ type: "function", name: "f", parameters: secret }] }, "tools.0.parameters"],
    [parameters([secret]), "tools.0.function.parameters"],
    [parameters(secret), "tools.0.function.parameters"],
    [parameters({ type: "string", pattern: secret }), "tools.0.function.parameters.type"],
    [parameters({ type: ["object", "null"] }), "tools.0.function.parameters.type"],
    [parameters(deep), "tools.0.function.parameters"],
    [{ tools: [tool("f")], parallel_tool_calls: secret }, "parallel_tool_calls"],

    [{ tool_choice: "required" }, "tool_choice"],
    [{ tool_choice: { type: "function", function: { name: secret } } }, "tool_choice"],
    [{ tools: [{ type: "web_search" }], tool_choice: "required" }, "tool_choice"],
    [choose(secret), "tool_choice"],
    [choose({ type: secret }), "tool_choice"],
    [choose({ type: "custom", custom: { name: "f" } }), "tool_choice"],
    [choose({ type: "function" }), "tool_choice.function.name"],
    [choose({ type: "function", function: { name: secret } }), "tool_choice"],
    [allow({ mode: secret, tools: [tool("f")] }), "tool_choice.allowed_tools.mode"],
    [allow({ mode: "auto", tools: [] }), "tool_choice.allowed_tools.tools"],
    [allow({ mode: "auto", tools: [{ type: "mcp", server_label: secret }] }), "tool_choice.allowed_tools.tools"],
    [allow({ mode: "auto", tools: [tool(secret)] }), "tool_choice"],

    [{ functions: [{}] }, "functions.0.name"],
    [{ functions: [{ name: `${secret}!` }] }, "functions.0.name"],
    [{ functions: [{ name: "f", parameters: { type: "array" } }] }, "functions.0.parameters.type"],
    [{ functions: [{ name: "f" }], tools: [tool("f")] }, "functions"],
    [{ functions: [{ name: "f" }], function_call: secret }, "function_call"],
    [{ functions: [{ name: "f" }], function_call: { name: secret } }, "function_call"],
    [{ functions: [{ name: "f" }], function_call: {} }, "function_call.name"],
    [{ function_call: { name: secret } }, "function_call"],
    [{ tools: [tool("f")], function_call: { name: "f" } }, "function_call"],

    [{ response_format: secret }, "response_format"],
    [{ response_format: {} }, "response_format.type"],
    [{ response_format: { type: secret } }, "response_format.type"],
    [jsonSchema(null), "response_format.json_schema"],
    [jsonSchema({ schema: city }), "response_format.json_schema.name"],
    [jsonSchema({ name: `${secret} a` }), "response_format.json_schema.name"],
    [jsonSchema({ name: "a", schema: secret }), "response_format.json_schema.schema"],
    [jsonSchema({ name: "a", schema: { type: "array" } }), "response_format.json_schema.schema.type"],
    [jsonSchema({ name: "a", schema: deep }), "response_format.json_schema.schema"],
  ];
  test.each(refusals.map(([body, param]) => ({ body, param })))("case %#: $param", ({ body, param }) => {
    const error = failure(() => decode(body));
    expect(error).toMatchObject({ code: "invalid_request", status: 400, param });
    expect(error.message).toMatch(/^[^\n]{10,}\.$/);
    expect(error.message).not.toContain(secret);
  });
});

test("a body of the Responses API is read as what it is, and answered as a chat", () => {
  const body = {
    model: "sonnet",
    input: [{ role: "user", content: "Hi." }],
    stream: true,
    stream_options: { include_usage: true },
  };
  expect(isResponsesShaped(body)).toBe(true);
  expect(isResponsesShaped({ messages: [], input: [] })).toBe(false);
  const { conversation, stream, includeUsage } = decodeResponsesShaped(body, context);
  expect(conversation.messages).toEqual([{ role: "user", content: [{ type: "text", text: "Hi." }] }]);
  expect({ stream, includeUsage }).toEqual({ stream: true, includeUsage: true });
});
