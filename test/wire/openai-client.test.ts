/** The official OpenAI client reads what the encoder wrote, over HTTP: raw streams, its stream helper, its errors. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import models from "../../models.json";
import { createCatalog } from "../../src/core/catalog.ts";
import { OcpError } from "../../src/core/errors.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { decodeChatRequest } from "../../src/wire/openai-chat/decode.ts";
import { collectChatCompletion, encodeChatStream } from "../../src/wire/openai-chat/encode.ts";
import { renderOpenAiError } from "../../src/wire/openai-chat/errors.ts";
import { listOpenAiModels } from "../../src/wire/openai-chat/models.ts";
import { end, meta, richTurn, start, text, turn } from "./turns.ts";

const catalog = createCatalog(models);
const images = { allowUrl: false, maxBytes: 1000, maxCount: 5, maxTotalBytes: 5000 };
const encoder = new TextEncoder();
const overloaded = new OcpError("overloaded", "The model's side is overloaded.");

/** What the server answers to a prompt of this text. */
const turns = new Map<string, () => AsyncGenerator<TurnEvent, void, void>>([
  ["plain", () => turn([start, ...text(0, "Hel", "lo"), end("end_turn")])],
  ["rich", () => turn(richTurn)],
  ["broken", () => turn([start, ...text(0, "half")], overloaded)],
  ["long", () => turn([start, ...text(0, "half"), end("max_tokens")])],
]);

async function answer(request: Request): Promise<Response> {
  if (new URL(request.url).pathname === "/v1/models") return Response.json(listOpenAiModels(catalog));
  try {
    const decoded = decodeChatRequest(await request.json(), { catalog, images, hints: [] });
    const { conversation, stream, includeUsage, model, legacyCalls } = decoded;
    const [block] = conversation.messages.at(-1)?.content ?? [];
    const events = turns.get(block?.type === "text" ? block.text : "")?.();
    if (events === undefined) throw new OcpError("plan_limit", "The plan's limit is reached.", { retryAfter: 1 });
    const own = { ...meta, model, includeUsage, legacyCalls };
    if (!stream) return Response.json(await collectChatCompletion(events, own));
    const frames = encodeChatStream(events, own);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await frames.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  } catch (error) {
    if (error instanceof OcpError) return Response.json(renderOpenAiError(error), { status: error.status });
    throw error;
  }
}

let server: Bun.Server<undefined>;
let client: OpenAI;
beforeAll(() => {
  server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  client = new OpenAI({ baseURL: `http://127.0.0.1:${server.port}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(() => server.stop(true));

const ask = (content: string) => ({ model: "opus", messages: [{ role: "user" as const, content }] });

describe("the openai client", () => {
  test("reads a whole answer", async () => {
    const completion = await client.chat.completions.create(ask("rich"));
    expect(completion.choices[0]?.message.tool_calls).toHaveLength(2);
    expect(completion.usage?.total_tokens).toBe(247);
    expect(completion.model).toBe("opus");
  });

  test("reads a raw stream with its usage", async () => {
    const stream = await client.chat.completions.create({
      ...ask("plain"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Hello");
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason)).toHaveLength(1);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 240, completion_tokens: 7 } });
  });

  test("assembles the same answer with its stream helper", async () => {
    const whole = await client.chat.completions.create(ask("rich"));
    const streamed = await client.chat.completions
      .stream({ ...ask("rich"), stream_options: { include_usage: true } })
      .finalChatCompletion();
    const [one, other] = [whole.choices[0], streamed.choices[0]];
    expect(other?.message.content).toBe(one?.message.content as string);
    expect(other?.message.tool_calls as unknown).toMatchObject(one?.message.tool_calls as object);
    expect(other?.finish_reason).toBe("tool_calls");
    expect(streamed.usage).toEqual(whole.usage);
  });

  test("learns that an answer was cut by its limit", async () => {
    const streamed = await client.chat.completions.stream(ask("long")).finalChatCompletion();
    expect(streamed.choices[0]).toMatchObject({ finish_reason: "length", message: { content: "half" } });
  });

  test("throws at an error frame, after the text that came before it", async () => {
    const stream = await client.chat.completions.create({ ...ask("broken"), stream: true });
    let read = "";
    const failure = await (async () => {
      for await (const chunk of stream) read += chunk.choices[0]?.delta.content ?? "";
    })().catch((error: unknown) => error);
    expect(read).toBe("half");
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ code: "overloaded", type: "server_error", message: overloaded.message });
  });

  test("throws at an error frame in its stream helper", async () => {
    const failure = await client.chat.completions
      .stream(ask("broken"))
      .finalChatCompletion()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: overloaded.message });
  });

  test("gets typed errors", async () => {
    const failed = (body: object) =>
      client.chat.completions.create(body as Parameters<typeof client.chat.completions.create>[0]).then(
        () => null,
        (error: unknown) => error,
      );
    const bad = await failed({ ...ask("plain"), temperature: 9 });
    expect(bad).toBeInstanceOf(OpenAI.BadRequestError);
    expect(bad).toMatchObject({ param: "temperature", type: "invalid_request_error", code: null });
    const unknown = await failed({ ...ask("plain"), model: "gpt-5" });
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({ param: "model", code: "model_not_found" });
    const limited = await failed(ask("over the limit"));
    expect(limited).toBeInstanceOf(OpenAI.RateLimitError);
    expect(limited).toMatchObject({ code: "insufficient_quota", type: "insufficient_quota" });
  });

  test("lists the models", async () => {
    const ids = (await Array.fromAsync(await client.models.list())).map((model) => model.id);
    expect(ids).toEqual(catalog.models.map((model) => model.id));
    expect(ids).not.toContain("sonnet");
  });
});
