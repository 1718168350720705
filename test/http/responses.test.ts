/** `/v1/responses` as the official OpenAI client uses it, over a socket, and what the server adds around it. */

import { describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import type { Conversation } from "../../src/core/conversation.ts";
import { OcpError } from "../../src/core/errors.ts";
import { call, end, richTurn, start, text, turn } from "../wire/turns.ts";
import { errorOf, fails, type Script, type ServedOptions, says, serve } from "./served.ts";

/** A server on a socket, a client of it, and the conversations that its engine was asked. */
function connect(script: Script, options: ServedOptions = {}) {
  const asked: Conversation[] = [];
  const served = serve({
    ...options,
    script(conversation, context) {
      asked.push(conversation);
      return script(conversation, context);
    },
  });
  const listener = served.listen();
  const baseURL = `${listener.url}/v1`;
  const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
  return { ...served, asked, client, baseURL, [Symbol.asyncDispose]: () => listener.stop(0) };
}

const weather = {
  type: "function" as const,
  name: "get_weather",
  description: "The weather of a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  strict: false,
};

/** Asks for the weather, and then says what it was told. */
const forecaster: Script = async function* ({ messages }) {
  const [block] = messages.at(-1)!.content;
  if (block?.type !== "tool_result") {
    yield* turn([
      start,
      ...text(0, "Let me see."),
      ...call(1, "toolu_01A", "get_weather", '{"city":', '"Bern"}'),
      end("tool_use"),
    ]);
    return;
  }
  const [told] = block.content;
  yield* turn([start, ...text(0, "It is ", told?.type === "text" ? told.text : "unknown"), end("end_turn")]);
};

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

describe("the openai client", () => {
  test("reads a whole answer, its text and its usage", async () => {
    await using server = connect(() => turn(richTurn));
    const response = await server.client.responses.create({ model: "opus", input: "hi" });
    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      model: "opus",
      error: null,
      store: true,
    });
    expect(response.id).toMatch(/^resp_[A-Za-z0-9]+$/);
    expect(response.output_text).toBe('Hello \u2028"\n\u{1F600}');
    expect(response.output.map(({ type }) => type)).toEqual([
      "reasoning",
      "reasoning",
      "message",
      "function_call",
      "function_call",
    ]);
    expect(response.usage).toMatchObject({ input_tokens: 240, output_tokens: 7, total_tokens: 247 });
  });

  test("assembles the same answer with its stream helper", async () => {
    await using server = connect(() => turn(richTurn));
    const types: string[] = [];
    const stream = server.client.responses.stream({ model: "opus", input: "hi" }).on("event", ({ type }) => {
      types.push(type);
    });
    const response = await stream.finalResponse();
    expect(response.output_text).toBe('Hello \u2028"\n\u{1F600}');
    const calls = response.output.flatMap((item) => (item.type === "function_call" ? [item] : []));
    expect(calls.map(({ call_id, arguments: json }) => [call_id, json])).toEqual([
      ["toolu_01-A", '{"city":"Bern"}'],
      ["toolu_02_B", "{}"],
    ]);
    expect([types[0], types.at(-1)]).toEqual(["response.created", "response.completed"]);
  });

  test("learns that an answer was cut by its limit", async () => {
    await using server = connect(() => turn([start, ...text(0, "half"), end("max_tokens")]));
    const response = await server.client.responses.stream({ model: "opus", input: "hi" }).finalResponse();
    expect(response).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output_text: "half",
    });
  });

  test("parses an answer that was asked for by a schema", async () => {
    await using server = connect(says('{"city":', '"Bern"}'));
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const format = { type: "json_schema" as const, name: "place", schema, strict: true };
    const response = await server.client.responses.parse({ model: "opus", input: "hi", text: { format } });
    expect(response.output_parsed).toEqual({ city: "Bern" });
    expect(server.asked[0]!.output).toEqual({ name: "place", schema });
  });

  test.each([
    ["resending everything", false],
    ["from the previous response", true],
  ])("goes through a tool call, %s", async (_name, store) => {
    await using server = connect(forecaster);
    const question = { role: "user" as const, content: "How is Bern?" };
    const first = await server.client.responses.create({ model: "opus", input: [question], tools: [weather], store });
    const wanted = first.output.find((item) => item.type === "function_call")!;
    expect(JSON.parse(wanted.arguments)).toEqual({ city: "Bern" });
    const result = { type: "function_call_output" as const, call_id: wanted.call_id, output: "snowing" };
    const second = await server.client.responses.create({
      model: "opus",
      tools: [weather],
      ...(store
        ? { previous_response_id: first.id, input: [result] }
        : { store, input: [question, ...(first.output as OpenAI.Responses.ResponseInput), result] }),
    });
    expect(second.output_text).toBe("It is snowing");
    expect(server.asked[1]!.messages as unknown).toEqual([
      { role: "user", content: [{ type: "text", text: "How is Bern?" }] },
      {
        role: "assistant",
        content: [
          { type: "text", text: "Let me see." },
          { type: "tool_use", id: "toolu_01A", name: "get_weather", input: { city: "Bern" } },
        ],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "toolu_01A", content: [{ type: "text", text: "snowing" }] }],
      },
    ]);
  });

  test("throws at a failure in mid-stream, after what came before it", async () => {
    const overloaded = new OcpError("overloaded", "The model's side is overloaded.");
    await using server = connect(() => turn([start, ...text(0, "half")], overloaded));
    const stream = await server.client.responses.create({ model: "opus", input: "hi", stream: true });
    const types: string[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const { type } of stream) types.push(type);
      })(),
    );
    expect(types).toContain("response.output_text.delta");
    expect(types.at(-1)).toBe("response.failed");
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ code: "overloaded", message: overloaded.message });
    expect(server.requests()).toEqual([expect.objectContaining({ outcome: "overloaded" })]);
  });

  test("gets typed errors", async () => {
    await using server = connect(fails(new OcpError("plan_limit", "The plan's limit is reached.", { retryAfter: 1 })));
    const create = (body: object) => failureOf(server.client.responses.create({ model: "opus", ...body }));
    expect(await create({ input: "hi", temperature: 9 })).toBeInstanceOf(OpenAI.BadRequestError);
    expect(await create({ input: "hi", model: "gpt-5" })).toMatchObject({ status: 404, code: "model_not_found" });
    expect(await create({ input: "hi", background: true })).toMatchObject({ status: 400, param: "background" });
    expect(await create({ input: "hi" })).toMatchObject({ status: 429, code: "insufficient_quota" });
    expect(await create({ input: "hi", stream: true })).toMatchObject({ status: 429, code: "insufficient_quota" });
  });
});

describe("a response", () => {
  const shared = { env: { PROXY_API_KEY: "the-shared-key" } };

  test("can be fetched while it is remembered, and be forgotten", async () => {
    await using server = connect(says("Hello"));
    const { responses } = server.client;
    const { output_text, ...given } = await responses.create({ model: "opus", input: "hi", metadata: { a: "b" } });
    expect(await responses.retrieve(given.id)).toMatchObject({
      id: given.id,
      output: given.output,
      metadata: { a: "b" },
    });
    expect((await responses.delete(given.id)) as unknown).toEqual({ id: given.id, object: "response", deleted: true });
    for (const again of [responses.retrieve(given.id), responses.delete(given.id)]) {
      expect(await failureOf(again)).toMatchObject({ status: 404, code: "response_not_found" });
    }
    const next = responses.create({ model: "opus", input: "go on", previous_response_id: given.id });
    expect(await failureOf(next)).toMatchObject({
      status: 404,
      code: "previous_response_not_found",
      param: "previous_response_id",
    });
    expect(server.asked).toHaveLength(1);
  });

  test("that was streamed is remembered, one that the client does not want stored is not", async () => {
    await using server = connect(says("Hello"));
    const { responses } = server.client;
    const streamed = await responses.stream({ model: "opus", input: "hi" }).finalResponse();
    expect(await responses.retrieve(streamed.id)).toMatchObject({ id: streamed.id, status: "completed" });
    const unwanted = await responses.create({ model: "opus", input: "hi", store: false });
    expect(unwanted).toMatchObject({ store: false });
    expect(await failureOf(responses.retrieve(unwanted.id))).toMatchObject({ status: 404 });
  });

  test("is its principal's alone", async () => {
    await using server = connect(says("Hello"), shared);
    const other = new OpenAI({ baseURL: server.baseURL, apiKey: "the-shared-key", maxRetries: 0 });
    const mine = await fetch(`${server.baseURL}/responses`, { method: "POST", body: '{"input":"hi"}' });
    const { id, output } = (await mine.json()) as { id: string; output: [{ id: string }] };
    expect((await fetch(`${server.baseURL}/responses/${id}`)).status).toBe(200);
    expect(await failureOf(other.responses.retrieve(id))).toMatchObject({ status: 404 });
    expect(await failureOf(other.responses.delete(id))).toMatchObject({ status: 404 });
    const next = other.responses.create({ model: "opus", input: "go on", previous_response_id: id });
    expect(await failureOf(next)).toMatchObject({ code: "previous_response_not_found" });
    const item = { type: "item_reference" as const, id: output[0].id };
    const referring = other.responses.create({ model: "opus", input: [item, { role: "user", content: "go on" }] });
    expect(await failureOf(referring)).toMatchObject({ status: 400, code: "item_not_found" });
    expect((await fetch(`${server.baseURL}/responses/${id}`)).status).toBe(200);
  });

  test("stands where its items are referred to", async () => {
    await using server = connect(says("Hello"));
    const first = await server.client.responses.create({ model: "opus", input: "hi" });
    const item = { type: "item_reference" as const, id: first.output[0]!.id! };
    const question = { role: "user" as const, content: "hi" };
    await server.client.responses.create({ model: "opus", input: [question, item, question] });
    expect(server.asked[1]!.messages[1]).toEqual({ role: "assistant", content: [{ type: "text", text: "Hello" }] });
  });

  test("cannot be streamed again", async () => {
    await using server = connect(says("Hello"));
    const { id } = await server.client.responses.create({ model: "opus", input: "hi" });
    const again = server.client.responses.retrieve(id, { stream: true });
    expect(await failureOf(again)).toMatchObject({ status: 400, param: "stream" });
  });
});

describe("POST /v1/responses", () => {
  const post = (served: ReturnType<typeof serve>, body: object, init: RequestInit = {}) =>
    served.send("/v1/responses", { method: "POST", body: JSON.stringify(body), ...init });

  test("names what has no effect, in the client's words", async () => {
    const served = serve({
      async *script() {
        yield* turn([
          { ...start, ignored: ["maxTokens", "effort"] } as typeof start,
          ...text(0, "ok"),
          end("end_turn"),
        ]);
      },
    });
    const tools = [{ type: "web_search" }];
    const body = { input: "hi", tools, max_output_tokens: 9, reasoning: { effort: "low" }, truncation: "auto" };
    const response = await post(served, body);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-ocp-ignored")?.split(", ").sort()).toEqual([
      "max_output_tokens",
      "reasoning",
      "tools.web_search",
      "truncation",
    ]);
  });

  test("gives the engine the hints of head and body", async () => {
    let hints: string[] = [];
    const served = serve({
      async *script(conversation) {
        hints = conversation.hints;
        yield* turn([start, ...text(0, "ok"), end("end_turn")]);
      },
    });
    await post(served, { input: "hi", prompt_cache_key: "body" }, { headers: { "session-id": "head" } });
    expect(hints).toEqual(["head", "body"]);
  });

  test("streams as no proxy holds back, without [DONE]", async () => {
    const response = await post(serve({ script: says("Hel", "lo") }), { input: "hi", stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const stream = await response.text();
    expect(stream).toStartWith("event: response.created\ndata: {");
    expect(stream.match(/^event: .*$/gm)!.at(-1)).toBe("event: response.completed");
    expect(stream).not.toContain("[DONE]");
  });

  test("wants the key like every other route", async () => {
    const served = serve({ env: { PROXY_API_KEY: "the-shared-key" } });
    const wrong = { headers: { authorization: "Bearer wrong" } };
    for (const response of [
      await post(served, { input: "hi" }, wrong),
      await served.send("/v1/responses/resp_1", wrong),
      await served.send("/v1/responses/resp_1", { method: "DELETE", ...wrong }),
    ]) {
      expect(response.status).toBe(401);
      expect((await errorOf(response)).code).toBe("invalid_api_key");
    }
  });
});

describe("GET /v1/responses", () => {
  test("refuses a WebSocket at once, over a socket too, so that clients turn to POST", async () => {
    await using server = connect(says("Hello"));
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "eA==",
    };
    const response = await fetch(`${server.baseURL}/responses`, { headers: upgrade });
    expect([response.status, response.headers.get("allow")]).toEqual([426, "OPTIONS, POST"]);
    expect((await errorOf(response)).code).toBe("method_not_allowed");
    const refused = await new Promise((resolve) => {
      const socket = new WebSocket(`${server.baseURL.replace("http", "ws")}/responses`);
      socket.onerror = () => resolve("error");
      socket.onopen = () => resolve("open");
    });
    expect(refused).toBe("error");
    expect(server.requests().map(({ status, outcome }) => [status, outcome])).toEqual([
      [426, "method_not_allowed"],
      [426, "method_not_allowed"],
    ]);
  });

  test("is otherwise a method that this path does not take", async () => {
    const response = await serve().send("/v1/responses");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "OPTIONS, POST"]);
    expect((await errorOf(response)).code).toBe("method_not_allowed");
  });
});
