/** JSON that nests deep or holds very much, wherever a client or the model may write it: nothing overflows or hangs. */

import { describe, expect, test } from "bun:test";
import { maxDepth, maxNumber, maxValues, shapeOf } from "../../src/core/json-bounds.ts";
import { noUsage, type TurnEvent } from "../../src/core/turn.ts";
import { adminKey, errorOf, type Script, serve } from "./served.ts";

const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const say = '{"role":"user","content":"hi"}';

/** Every place of every route where a body may hold a client's own JSON, with something deep in it. */
const places: Array<[path: string, body: (deep: string) => string, param: string]> = [
  ["/v1/chat/completions", (deep) => `{"metadata":${deep},"messages":[${say}]}`, "metadata"],
  ["/v1/chat/completions", (deep) => `{"messages":[{"role":"user","content":"hi","x":${deep}}]}`, "messages"],
  ["/v1/chat/completions", (deep) => `{"messages":[${say}],"session_id":${deep}}`, "session_id"],
  [
    "/v1/chat/completions",
    (deep) => `{"messages":[${say}],"tools":[{"type":"function","function":{"name":"f","parameters":{"x":${deep}}}}]}`,
    "tools",
  ],
  [
    "/v1/chat/completions",
    (deep) =>
      `{"messages":[${say}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"x":${deep}}}}}`,
    "response_format",
  ],
  ["/v1/responses", (deep) => `{"input":[{"type":"message","role":"user","content":"hi","x":${deep}}]}`, "input"],
  ["/v1/responses", (deep) => `{"input":[{"type":"other","x":${deep}},${say}]}`, "input"],
  ["/v1/responses", (deep) => `{"input":"hi","metadata":{"x":${deep}}}`, "metadata"],
  ["/v1/responses", (deep) => `{"input":"hi","tool_choice":{"type":"function","name":"f","x":${deep}}}`, "tool_choice"],
  ["/v1/messages", (deep) => `{"max_tokens":5,"messages":[${say}],"metadata":{"x":${deep}}}`, "metadata"],
  [
    "/v1/messages",
    (deep) =>
      `{"max_tokens":5,"messages":[${say},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":${deep}}}]},${say}]}`,
    "messages",
  ],
  [
    "/v1/messages/count_tokens",
    (deep) => `{"messages":[${say}],"tools":[{"name":"f","input_schema":${deep}}]}`,
    "tools",
  ],
  ["/api/keys", (deep) => `{"name":${deep}}`, "name"],
  ["/settings", (deep) => `{"timeout":${deep}}`, "timeout"],
];

describe.each(places)("%s with something deep (%#)", (path, body, param) => {
  // The bodies about keys and settings may have 10,000 bytes.
  const levels = path.startsWith("/v1/") ? 100_000 : 1_000;

  test.each([nested, objects])("is a 400 that says so, before anything is asked", async (deep) => {
    let asked = 0;
    const served = serve({
      async *script() {
        asked++;
        yield* [];
      },
    });
    const method = path === "/settings" ? "PATCH" : "POST";
    const headers = { authorization: `Bearer ${adminKey}` };
    const response = await served.send(path, { method, body: body(deep(levels)), headers });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; param?: string } };
    expect(error.message).toEndWith(`The request body nests more than ${maxDepth} levels deep.`);
    // Anthropic's errors have no field for it: there the sentence begins with it.
    expect(error.param ?? error.message).toStartWith(param);
    expect(asked).toBe(0);
    expect(served.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

test("what clients nest is taken: a schema of 150 levels, and a call with as many", async () => {
  const deep = JSON.parse(objects(150));
  const response = await serve().send("/v1/messages", {
    method: "POST",
    body: JSON.stringify({
      max_tokens: 5,
      tools: [{ name: "f", input_schema: { type: "object", properties: deep } }],
      messages: [
        { role: "user", content: "hi" },
        { role: "assistant", content: [{ type: "tool_use", id: "a", name: "f", input: deep }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "x" }] },
      ],
    }),
  });
  expect(response.status).toBe(200);
});

describe("more of something than a request may hold is a 400 that names it", () => {
  const many = (count: number, one: string) => `[${Array.from({ length: count }, () => one).join(",")}]`;

  test.each([
    ["/v1/chat/completions", `{"messages":${many(10_001, say)}}`, "messages", /at most 10000/],
    ["/v1/responses", `{"input":${many(10_001, say)}}`, "input", /at most 10000/],
    ["/v1/chat/completions", `{"messages":[${say}],"tools":${many(1_001, "{}")}}`, "tools", /at most 1000/],
    ["/v1/chat/completions", `{"messages":[${say}],"x":${many(200_000, "1")}}`, "x", /more than 200000 values/],
    [
      "/v1/chat/completions",
      `{"messages":[{"role":"user","content":${many(50_000, '{"type":"text","text":"a"}')}}]}`,
      "messages",
      /more than 200000 values/,
    ],
  ])("%s %#", async (path, body, param, message) => {
    const error = await errorOf(await serve().send(path, { method: "POST", body }));
    expect(error.message).toMatch(message);
    expect(error.param).toBe(param);
  });

  test("10,000 messages are taken", async () => {
    const body = `{"messages":${many(10_000, say)}}`;
    expect((await serve().send("/v1/chat/completions", { method: "POST", body })).status).toBe(200);
  });

  test("arguments of calls, which are JSON in a string, are held to the same", async () => {
    for (const args of [`{"x":${nested(100_000)}}`, `{"x":${many(200_000, "1")}}`]) {
      const call = { id: "a", type: "function", function: { name: "f", arguments: args } };
      const messages = [JSON.parse(say), { role: "assistant", tool_calls: [call] }, JSON.parse(say)];
      const error = await errorOf(await serve().chat({ messages }));
      expect(error.param).toBe("messages.1.tool_calls.0.function.arguments");
    }
  });
});

/** The model calls a tool with such arguments. */
const calling = (json: string): Script =>
  async function* () {
    const events: TurnEvent[] = [
      { type: "start", model: "claude-sonnet-5-5", usage: noUsage, path: "new", reason: "new", ignored: [] },
      { type: "block_start", index: 0, block: { type: "tool_use", id: "toolu_1", name: "f" } },
      { type: "delta", index: 0, delta: { type: "input_json", json } },
      { type: "block_stop", index: 0 },
      { type: "end", stop: "tool_use", stopSequence: null, usage: noUsage },
    ];
    yield* events;
  };

test.each([
  ["/v1/chat/completions", { messages: [JSON.parse(say)] }],
  ["/v1/responses", { input: "hi" }],
  ["/v1/messages", { max_tokens: 5, messages: [JSON.parse(say)] }],
])("an answer whose call nests deep is answered on %s, not lost", async (path, body) => {
  const served = serve({ script: calling(`{"x":${nested(100_000)}}`) });
  for (const stream of [false, true]) {
    const response = await served.send(path, { method: "POST", body: JSON.stringify({ ...body, stream }) });
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain("toolu");
    expect(text).not.toContain("internal");
  }
  expect(served.lines.filter(({ level }) => level === "error")).toEqual([]);
});

describe("the shape of a text", () => {
  test.each<[string, number]>([
    ["", 0],
    ["{}", 1],
    ['{"a":[1,"x",null,{"b":true}],"c":-1.5e3}', 11],
    ['"a\\"[[[[\\\\"', 1],
    ['["\\\\",[]]', 3],
    [" [ 1 , 2 ] ", 3],
    ['"unfinished', 1],
  ])("%p holds %d values and names", (text, values) => {
    expect(shapeOf(text)).toEqual({ values, over: null, name: null });
  });

  test("is bounded exactly", () => {
    expect(shapeOf(nested(maxDepth)).over).toBe(null);
    expect(shapeOf(nested(maxDepth + 1)).over).toBe("depth");
    expect(shapeOf(`[${"1,".repeat(maxValues - 2)}1]`).over).toBe(null);
    expect(shapeOf(`[${"1,".repeat(maxValues - 1)}1]`).over).toBe("values");
    expect(shapeOf(`[-${"1".repeat(maxNumber - 1)},1]`).over).toBe(null);
    expect(shapeOf(`[-${"1".repeat(maxNumber)},1]`).over).toBe("number");
  });
});
