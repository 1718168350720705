/** `/v1/messages` over HTTP, read by Anthropic's own client. */

import { afterAll, describe, expect, test } from "bun:test";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import type { Conversation } from "../../src/core/conversation.ts";
import { type ErrorCode, OcpError } from "../../src/core/errors.ts";
import { noUsage, type TurnEvent } from "../../src/core/turn.ts";
import {
  aborted,
  blockStart,
  ending,
  fails,
  type Script,
  type ServedOptions,
  says,
  serve,
  start,
  text,
} from "./served.ts";

const closing: AsyncDisposable[] = [];
afterAll(async () => {
  for (const each of closing) await each[Symbol.asyncDispose]();
});

/** A server, and the client that asks it. */
function open(options: ServedOptions = {}, clientOptions: ConstructorParameters<typeof Anthropic>[0] = {}) {
  const served = serve(options);
  const listener = served.listen();
  closing.push(listener);
  const client = new Anthropic({
    baseURL: listener.url,
    apiKey: "key",
    authToken: null,
    maxRetries: 0,
    ...clientOptions,
  });
  return { ...served, url: listener.url, client };
}

const ask = { model: "sonnet", max_tokens: 100, messages: [{ role: "user" as const, content: "hi" }] };

const call = (index: number, id: string, ...json: string[]): TurnEvent[] => [
  { type: "block_start", index, block: { type: "tool_use", id, name: "get_weather" } },
  ...json.map((fragment): TurnEvent => ({ type: "delta", index, delta: { type: "input_json", json: fragment } })),
  { type: "block_stop", index },
];

const thinkingAnswer: TurnEvent[] = [
  { ...start, usage: { ...noUsage, input: 4, cacheRead: 50, cacheWrite: 6, output: 1 } } as TurnEvent,
  { type: "block_start", index: 0, block: { type: "thinking" } },
  { type: "delta", index: 0, delta: { type: "thinking", text: "Well." } },
  { type: "delta", index: 0, delta: { type: "signature", signature: "sig" } },
  { type: "block_stop", index: 0 },
  { type: "block_start", index: 1, block: { type: "text" } },
  { type: "delta", index: 1, delta: { type: "text", text: "Let me look." } },
  { type: "block_stop", index: 1 },
  ...call(2, "toolu_01A", '{"city":', '"Bern"}'),
  {
    type: "end",
    stop: "tool_use",
    stopSequence: null,
    usage: { input: 4, cacheRead: 50, cacheWrite: 6, output: 20, thinking: 3 },
  },
];

const plays = (events: TurnEvent[], error?: unknown): Script =>
  async function* () {
    yield* events;
    if (error !== undefined) throw error;
  };

async function thrown(promise: PromiseLike<unknown>): Promise<any> {
  return Promise.resolve(promise).then(
    () => {
      throw new Error("expected an error, but nothing was thrown");
    },
    (error: unknown) => error,
  );
}

describe("Anthropic's client", () => {
  test("gets a message, and the request's id", async () => {
    const { client, requests } = open({ script: says("Hel", "lo") });
    const { data, response, request_id } = await client.messages.create(ask).withResponse();
    expect(data).toMatchObject({
      id: expect.stringMatching(/^msg_[A-Za-z0-9]+$/),
      type: "message",
      role: "assistant",
      model: "claude-sonnet-5-5",
      content: [{ type: "text", text: "Hello" }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
    });
    expect(request_id).toBe(response.headers.get("x-request-id"));
    expect(response.headers.has("x-ocp-ignored")).toBe(false);
    expect(requests()).toEqual([expect.objectContaining({ status: 200, outcome: "ok", model: "claude-sonnet-5-5" })]);
  });

  test("reads a raw stream", async () => {
    const { client } = open({ script: says("Hel", "lo") });
    const events = await Array.fromAsync(await client.messages.create({ ...ask, stream: true }));
    expect(events.map(({ type }) => type)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  test("assembles the same message from a stream as it gets whole", async () => {
    const { client } = open({ script: plays(thinkingAnswer) });
    const whole = await client.messages.create(ask);
    const streamed = await client.messages.stream(ask).finalMessage();
    const { id: _one, ...one } = whole;
    const { id: _other, stop_details: _none, parsed_output: _nothing, ...other } = streamed;
    expect(JSON.parse(JSON.stringify(other))).toEqual(JSON.parse(JSON.stringify(one)));
    expect(whole.content).toMatchObject([
      { type: "thinking", thinking: "Well.", signature: "sig" },
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "toolu_01A", name: "get_weather", input: { city: "Bern" } },
    ]);
    expect(whole.usage).toMatchObject({
      input_tokens: 4,
      cache_read_input_tokens: 50,
      cache_creation_input_tokens: 6,
      output_tokens: 20,
    });
  });

  test("hears deltas as they come, with its stream helper", async () => {
    const { client } = open({ script: plays(thinkingAnswer) });
    const heard: string[] = [];
    const stream = client.messages
      .stream(ask)
      .on("text", (piece) => heard.push(`text ${piece}`))
      .on("thinking", (piece) => heard.push(`thinking ${piece}`))
      .on("signature", (signature) => heard.push(`signature ${signature}`))
      .on("inputJson", (piece) => heard.push(`json ${piece}`));
    expect((await stream.finalMessage()).stop_reason).toBe("tool_use");
    expect(heard).toEqual(["thinking Well.", "signature sig", "text Let me look.", 'json {"city":', 'json "Bern"}']);
  });

  test("speaks the beta route in the same way", async () => {
    const { client } = open({ script: plays(thinkingAnswer) });
    const message = await client.beta.messages.create({ ...ask, betas: ["interleaved-thinking-2025-05-14"] });
    expect(message.content).toHaveLength(3);
    const streamed = await client.beta.messages.stream(ask).finalMessage();
    expect(streamed.content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use"]);
  });

  test("runs a tool and gets the answer to its result, though its runner begins with a thread", async () => {
    const asked: Conversation[] = [];
    const { client } = open({
      async *script(conversation) {
        asked.push(conversation);
        if (asked.length === 1) yield* thinkingAnswer;
        else yield* says("Sunny.")({} as never, {} as never);
      },
    });
    const runner = client.beta.messages.toolRunner({
      ...ask,
      tools: [
        {
          name: "get_weather",
          description: "The weather of a city.",
          input_schema: { type: "object", properties: { city: { type: "string" } } },
          parse: (input: unknown) => input as { city: string },
          run: async ({ city }: { city: string }) => `sunny in ${city}`,
        },
      ],
    });
    const final = await runner.runUntilDone();
    expect(final.content).toMatchObject([{ type: "text", text: "Sunny." }]);
    expect(asked[0]?.toolbox).toMatchObject({ tools: [{ name: "get_weather" }], choice: { type: "auto" } });
    expect(asked[1]?.messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Well.", signature: "sig" },
          { type: "text", text: "Let me look." },
          { type: "tool_use", id: "toolu_01A", name: "get_weather", input: { city: "Bern" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_01A", content: [{ type: "text", text: "sunny in Bern" }] },
        ],
      },
    ]);
  });

  test("parses an answer that fits a schema", async () => {
    let output: Conversation["output"] = null;
    const { client } = open({
      async *script(conversation) {
        output = conversation.output;
        yield* says('{"city":', '"Bern"}')({} as never, {} as never);
      },
    });
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const message = await client.messages.parse({ ...ask, output_config: { format: { type: "json_schema", schema } } });
    expect(message.content).toMatchObject([{ type: "text", text: '{"city":"Bern"}' }]);
    expect(output as unknown).toEqual({ name: "output", schema });
  });

  test("is not disturbed by the comments that fill a silence", async () => {
    const release = Promise.withResolvers<void>();
    const { url, client } = open({
      config: { heartbeatInterval: 5 },
      async *script() {
        yield start;
        yield blockStart;
        await release.promise;
        yield text("late");
        yield* ending;
      },
    });
    const stream = client.messages.stream(ask);
    // Another client of the same server tells when a comment has gone out.
    const raw = await fetch(`${url}/v1/messages`, { method: "POST", body: JSON.stringify({ ...ask, stream: true }) });
    let seen = "";
    for await (const chunk of raw.body as AsyncIterable<Uint8Array>) {
      seen += new TextDecoder().decode(chunk);
      if (seen.includes(": keepalive")) release.resolve();
    }
    expect(seen).toContain(": keepalive\n\n");
    expect(await stream.finalText()).toBe("late");
  });

  test("that leaves ends the turn", async () => {
    const left = Promise.withResolvers<void>();
    const { client, admission } = open({
      async *script(_conversation, { signal }) {
        yield start;
        yield blockStart;
        yield text("one");
        await aborted(signal);
        left.resolve();
        throw signal.reason;
      },
    });
    const stream = client.messages.stream(ask);
    stream.on("text", () => stream.abort());
    expect(await thrown(stream.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError);
    await left.promise;
    expect(admission.stats().running).toBe(0);
  });

  test("counts tokens without a turn", async () => {
    const { client, requests } = open({ script: fails(new Error("must not run")) });
    const { data, response } = await client.messages
      .countTokens({ model: "sonnet", system: "You are a scientist", messages: [{ role: "user", content: "Hello" }] })
      .withResponse();
    expect(data).toEqual({ input_tokens: expect.any(Number) });
    expect(data.input_tokens).toBeGreaterThan(5);
    expect(response.headers.get("x-ocp-estimate")).toBe("true");
    expect(requests()).toEqual([expect.objectContaining({ status: 200, path: "/v1/messages/count_tokens" })]);
  });

  test.each([
    ["as a bearer", { apiKey: null, authToken: "right-key" }],
    ["as x-api-key", { defaultHeaders: { authorization: null, "x-api-key": "right-key" } }],
  ])("presents its key %s", async (_name, options) => {
    const { client } = open({ env: { PROXY_API_KEY: "right-key" } }, options as object);
    expect((await client.messages.create(ask)).stop_reason).toBe("end_turn");
  });
});

describe("errors", () => {
  test.each<[ErrorCode, number, string]>([
    ["context_length_exceeded", 400, "invalid_request_error"],
    ["upstream_authentication", 401, "authentication_error"],
    ["upstream_permission", 403, "permission_error"],
    ["model_not_found", 404, "not_found_error"],
    ["conflict", 409, "conflict_error"],
    ["plan_limit", 429, "rate_limit_error"],
    ["upstream_failed", 502, "api_error"],
    ["not_ready", 503, "api_error"],
    ["timeout", 504, "timeout_error"],
    ["overloaded", 529, "overloaded_error"],
  ])("%s is a %d of the vendor's type, whole and streamed", async (code, status, type) => {
    const { client } = open({ script: fails(new OcpError(code, "A sentence.", { retryAfter: 61.2 })) });
    for (const request of [client.messages.create(ask), client.messages.stream(ask).finalMessage()]) {
      const error = await thrown(request);
      expect(error).toBeInstanceOf(APIError);
      expect([error.status, error.type]).toEqual([status, type]);
      expect(error.requestID).toMatch(/^req_/);
      expect(error.error).toEqual({
        type: "error",
        error: { type, message: expect.stringContaining("A sentence.") },
        request_id: error.requestID,
      });
      expect(error.headers.get("retry-after")).toBe("62");
    }
  });

  test("a plan that is used up is not tried again at once, though the client would like to", async () => {
    let tries = 0;
    const script: Script = (...given) => {
      tries++;
      return fails(new OcpError("plan_limit", "Later.", { retryAfter: 1 }))(...given);
    };
    const { client } = open({ script }, { maxRetries: 2 });
    expect(await thrown(client.messages.create(ask))).toBeInstanceOf(Anthropic.RateLimitError);
    expect(tries).toBe(1);
  });

  test("a prompt that does not fit is worded as clients look for it", async () => {
    const { client } = open({ script: fails(new OcpError("context_length_exceeded", "It does not fit.")) });
    expect((await thrown(client.messages.create(ask))).message).toContain("prompt is too long");
  });

  test("in the middle of a stream, an error event ends it", async () => {
    const failure = new OcpError("overloaded", "The model's side is overloaded.");
    const { client, requests } = open({ script: plays([start, blockStart, text("half")], failure) });
    const stream = client.messages.stream(ask);
    let read = "";
    stream.on("text", (piece) => {
      read += piece;
    });
    const error = await thrown(stream.finalMessage());
    expect(error).toBeInstanceOf(APIError);
    expect([error.type, error.error.error.message]).toEqual(["overloaded_error", failure.message]);
    expect(read).toBe("half");
    expect(requests()).toEqual([expect.objectContaining({ status: 200, outcome: "overloaded" })]);
  });

  test("a defect shows its id alone", async () => {
    const { client, lines } = open({ script: fails(new Error("secret /home/someone")) });
    const error = await thrown(client.messages.create(ask));
    expect([error.status, error.type]).toEqual([500, "api_error"]);
    expect(error.message).toContain(error.requestID);
    expect(error.message).not.toContain("secret");
    expect(lines.find(({ message }) => message === "internal error")?.fields).toMatchObject({
      requestId: error.requestID,
      defect: "Error",
    });
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test.each<[string, string, RequestInit, number, string]>([
    ["a wrong field", "/v1/messages", { method: "POST", body: '{"max_tokens":1}' }, 400, "invalid_request_error"],
    ["no JSON", "/v1/messages?beta=true", { method: "POST", body: "{" }, 400, "invalid_request_error"],
    ["a wrong method", "/v1/messages", { method: "GET" }, 405, "invalid_request_error"],
    ["a path below", "/v1/messages/batches", { method: "POST", body: "{}" }, 404, "not_found_error"],
    ["one /v1 too many", "/v1/v1/messages", { method: "POST", body: "{}" }, 404, "not_found_error"],
    ["no model of this name", "/v1/models/gpt-5", { headers: { "anthropic-version": "x" } }, 404, "not_found_error"],
  ])("%s is told in the vendor's shape", async (_name, path, init, status, type) => {
    const response = await serve().send(path, init);
    expect(response.status).toBe(status);
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    expect(await response.json()).toEqual({
      type: "error",
      error: { type, message: expect.any(String) },
      request_id: response.headers.get("request-id"),
    });
  });

  test("a missing key is told in the vendor's shape, before the body is read", async () => {
    const { send } = serve({ env: { PROXY_API_KEY: "right-key" } });
    const response = await send("/v1/messages", { method: "POST", body: "{", headers: { "x-api-key": "wrong" } });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ type: "error", error: { type: "authentication_error" } });
  });

  test("a base URL with a /v1 too many is explained", async () => {
    const response = await serve().send("/v1/v1/messages", { method: "POST", body: "{}" });
    expect(await response.text()).toContain("without /v1");
  });

  test.each(["/v1/chat/completions", "/v1/models/gpt-5", "/nothing"])("%s keeps OpenAI's shape", async (path) => {
    const init = path.includes("chat") ? { method: "POST", body: "{}", headers: { "anthropic-version": "x" } } : {};
    const body = (await (await serve().send(path, init)).json()) as any;
    expect(Object.keys(body)).toEqual(["error"]);
    expect(Object.keys(body.error).sort()).toEqual(["code", "message", "param", "type"]);
  });
});

describe("notes in the head", () => {
  test("what has no effect is named in the client's words", async () => {
    const { client } = open({
      script: plays([
        { ...start, ignored: ["maxTokens", "stop", "topK", "effort", "thinkingBudget"] } as TurnEvent,
        blockStart,
        text("ok"),
        ...ending,
      ]),
    });
    const { response } = await client.messages
      .create({ ...ask, service_tier: "auto", tools: [{ type: "web_search_20250305", name: "web_search" }] })
      .withResponse();
    expect(response.headers.get("x-ocp-ignored")).toBe(
      "tools.web_search_20250305, max_tokens, stop_sequences, top_k, output_config.effort, thinking",
    );
  });

  test("the switch for thinking is called by its name", async () => {
    const { client } = open({ script: plays([{ ...start, ignored: ["effort"] } as TurnEvent, blockStart, ...ending]) });
    const { response } = await client.messages.create({ ...ask, thinking: { type: "disabled" } }).withResponse();
    expect(response.headers.get("x-ocp-ignored")).toBe("thinking");
  });

  test("hints of the head reach the engine", async () => {
    let hints: string[] = [];
    const { client } = open({
      async *script(conversation) {
        hints = conversation.hints;
        yield* says("ok")({} as never, {} as never);
      },
    });
    await client.messages.create(
      { ...ask, metadata: { user_id: "u" } },
      { headers: { "x-claude-code-session-id": "s-1" } },
    );
    expect(hints).toEqual(["s-1", "u"]);
  });
});

test.each(["/api/hello", "/api/hello/"])("%s is answered to anyone, by GET and HEAD", async (path) => {
  const { send } = serve({ env: { PROXY_API_KEY: "right-key" } });
  for (const method of ["GET", "HEAD"]) expect((await send(path, { method })).status).toBe(200);
  expect((await send(path, { method: "POST" })).status).toBe(401);
});
