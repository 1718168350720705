/** The official OpenAI client, as a user's program would have it, against the server and the real CLI. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import type { ChatCompletionContentPart, ChatCompletionMessageParam } from "openai/resources/chat/completions";
import models from "../../models.json";
import type { Script } from "../../src/demo/script.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { messageRequests, onlyRequest, sentMessages } from "./upstream.ts";

const key = "ocp_shared-key";
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const figures = { input: 100, cacheRead: 40, cacheWrite: 10, output: 30, thinking: 20 };
const usage = {
  prompt_tokens: 150,
  completion_tokens: 30,
  total_tokens: 180,
  prompt_tokens_details: { cached_tokens: 40 },
  completion_tokens_details: { reasoning_tokens: 20 },
};
const thoughtful: Script = {
  blocks: [
    { type: "thinking", thinking: ["Let me ", "count."] },
    { type: "text", text: ["One ", "two ", "three."] },
  ],
  usage: figures,
  paceMs: 5,
};

describe.each(targets())("the openai client (%s)", (target) => {
  let simulator: Simulator;
  let ocp: Ocp;
  let client: OpenAI;
  const clientWith = (apiKey: string) => new OpenAI({ baseURL: `${ocp.url}/v1`, apiKey, maxRetries: 0 });

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator, env: { PROXY_API_KEY: key } });
    client = clientWith(key);
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  const play = (script: Script) => {
    simulator.reset();
    simulator.play(() => script);
  };
  const asking = (content: string | ChatCompletionContentPart[] = "Count.", model = "sonnet") => ({
    model,
    messages: [{ role: "user", content }] satisfies ChatCompletionMessageParam[],
  });

  test("reads a whole answer with its reasoning and its usage", async () => {
    play(thoughtful);
    const completion = await client.chat.completions.create(asking());
    expect(completion.id).toMatch(/^chatcmpl-[A-Za-z0-9]+$/);
    expect(completion.model).toBe("sonnet");
    expect(completion.choices).toHaveLength(1);
    const [choice] = completion.choices;
    expect(choice!.finish_reason).toBe("stop");
    expect(choice!.message).toMatchObject({
      role: "assistant",
      content: "One two three.",
      reasoning_content: "Let me count.",
    } as object);
    expect(completion.usage).toEqual(usage);
    expect(onlyRequest(simulator).body?.model).toBe("claude-sonnet-5-5");
  });

  test("iterates a stream, word by word, and gets the usage that it asked for", async () => {
    play(thoughtful);
    const stream = await client.chat.completions.create({
      ...asking(),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta as Record<string, unknown>));
    expect(deltas[0]).toEqual({ role: "assistant", content: "" });
    const given = (name: string) => deltas.map((delta) => delta[name]).filter((value) => value);
    expect(given("reasoning_content").join("")).toBe("Let me count.");
    expect(given("reasoning_content").length).toBeGreaterThan(1);
    expect(given("content").join("")).toBe("One two three.");
    expect(given("content").length).toBeGreaterThan(1);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const reasons = chunks.flatMap(({ choices }) => choices.flatMap(({ finish_reason }) => finish_reason ?? []));
    expect(reasons).toEqual(["stop"]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    expect(chunks.slice(0, -1).some((chunk) => chunk.usage)).toBe(false);
  });

  test("gets no usage in a stream that did not ask for it", async () => {
    play(thoughtful);
    const chunks = await Array.fromAsync(await client.chat.completions.create({ ...asking(), stream: true }));
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true);
    expect(chunks.some((chunk) => chunk.usage)).toBe(false);
  });

  test("assembles an answer with its stream helper", async () => {
    play(thoughtful);
    const stream = client.chat.completions.stream({ ...asking(), stream_options: { include_usage: true } });
    const heard: string[] = [];
    stream.on("content", (delta) => heard.push(delta));
    const message = await stream.finalMessage();
    expect(message).toMatchObject({ role: "assistant", content: "One two three." });
    expect(heard.join("")).toBe("One two three.");
    expect(await stream.finalContent()).toBe("One two three.");
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]?.finish_reason).toBe("stop");
    expect(completion.usage).toEqual(usage);
    expect(await stream.totalUsage()).toMatchObject({ prompt_tokens: 150, completion_tokens: 30, total_tokens: 180 });
  });

  test("chats on: what the model said goes up with the next question", async () => {
    play({ blocks: ["Hello Ann."] });
    const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "I am Ann." }];
    const { choices } = await client.chat.completions.create({ model: "sonnet", messages });
    messages.push(choices[0]!.message, { role: "user", content: "Who am I?" });
    simulator.reset();
    await client.chat.completions.create({ model: "sonnet", messages });
    expect(sentMessages(onlyRequest(simulator))).toEqual([
      { role: "user", content: [{ type: "text", text: "I am Ann." }] },
      { role: "assistant", content: [{ type: "text", text: "Hello Ann." }] },
      { role: "user", content: [{ type: "text", text: "Who am I?" }] },
    ]);
  });

  test("sends a list of texts and images", async () => {
    play({ blocks: ["A pixel."] });
    await client.chat.completions.create(
      asking([
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${png}`, detail: "low" } },
        { type: "text", text: "Be brief." },
      ]),
    );
    expect(sentMessages(onlyRequest(simulator))).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
          { type: "text", text: "Be brief." },
        ],
      },
    ]);
  });

  test("lists the models, and finds one by its id and by its alias", async () => {
    const listed = await Array.fromAsync(await client.models.list());
    expect(listed.map(({ id }) => id)).toEqual(models.models.map(({ id }) => id));
    const [first] = listed;
    expect(await client.models.retrieve(first!.id)).toEqual(first!);
    expect(await client.models.retrieve("sonnet")).toMatchObject({ object: "model", id: "claude-sonnet-5-5" });
    expect(await failure(client.models.retrieve("gpt-5"))).toBeInstanceOf(OpenAI.NotFoundError);
  });

  const resetsAt = Math.ceil(Date.now() / 1000) + 600;
  const failures: Failure[] = [
    {
      name: "BadRequestError when the API refuses the request",
      script: { status: 400, message: "messages.0: this cannot be." },
      type: OpenAI.BadRequestError,
      like: { status: 400, type: "invalid_request_error" },
      says: "messages.0: this cannot be.",
    },
    {
      name: "AuthenticationError when the API refuses the server's login",
      script: { status: 401 },
      type: OpenAI.AuthenticationError,
      like: { status: 401, type: "authentication_error" },
      says: "log in again",
    },
    {
      name: "NotFoundError for a model that the API does not know",
      model: "claude-invented-9",
      script: { status: 404, message: "model: claude-invented-9" },
      type: OpenAI.NotFoundError,
      like: { status: 404, code: "model_not_found", param: "model" },
      says: "model",
    },
    {
      name: "RateLimitError when the plan's limit is reached, which says when it resets",
      // A limit of this model alone, so that the tests after it are answered.
      model: "haiku",
      script: { status: 429, limits: { status: "rejected", claim: "seven_day_haiku", resetsAt } },
      type: OpenAI.RateLimitError,
      like: { status: 429, code: "insufficient_quota" },
      says: new Date(resetsAt * 1000).toISOString(),
    },
    {
      name: "InternalServerError with its status when the API is overloaded",
      script: { status: 529 },
      type: OpenAI.InternalServerError,
      like: { status: 529, code: "overloaded" },
      says: "overloaded",
    },
  ];

  test.each(failures)("throws $name, streaming or not", async ({ script, type, like, says, model }) => {
    play(script);
    const ask = asking("The prompt itself.", model);
    const errors = await Promise.all([
      failure(client.chat.completions.create(ask)),
      failure(client.chat.completions.create({ ...ask, stream: true })),
      failure(client.chat.completions.stream(ask).finalMessage()),
    ]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject(like);
      expect(error.message).toContain(says);
      expect(error.message).not.toContain("The prompt itself.");
      expect(error.requestID).toMatch(/^req_[A-Za-z0-9]+$/);
      if (error.status !== 429) continue;
      const seconds = Number(error.headers?.get("retry-after"));
      expect(seconds).toBeGreaterThan(500);
      expect(seconds).toBeLessThanOrEqual(600);
    }
  });

  test("gets errors of its own requests without anything being sent upstream", async () => {
    play(thoughtful);
    const wrongKey = clientWith("ocp_wrong-key");
    const unknown = await failure(client.chat.completions.create(asking("Hi.", "gpt-5")));
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({ code: "model_not_found", param: "model" });
    const hot = await failure(client.chat.completions.create({ ...asking(), temperature: 3, stream: true }));
    expect(hot).toBeInstanceOf(OpenAI.BadRequestError);
    expect(hot).toMatchObject({ param: "temperature" });
    for (const refused of [
      wrongKey.chat.completions.create(asking()),
      wrongKey.chat.completions.create({ ...asking(), stream: true }),
      wrongKey.models.list(),
    ]) {
      const error = await failure(refused);
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error).toMatchObject({ code: "invalid_api_key" });
      expect(error.message).not.toContain(key);
      expect(error.message).not.toContain("wrong-key");
    }
    expect(messageRequests(simulator)).toEqual([]);
  });

  test("throws when an answer breaks off, after the words that came before", async () => {
    const broken: Script = { ...thoughtful, fault: { kind: "error", after: 4, status: 529 } };
    play(broken);
    let words = "";
    const iterate = async () => {
      for await (const chunk of await client.chat.completions.create({ ...asking(), stream: true })) {
        words += chunk.choices[0]?.delta.content ?? "";
      }
    };
    const error = await failure(iterate());
    expect(words).toBe("One two ");
    expect(error).toBeInstanceOf(APIError);
    expect(error.message).not.toBe("");
    play(broken);
    expect(await failure(client.chat.completions.stream(asking()).finalMessage())).toBeInstanceOf(OpenAI.OpenAIError);
  });
});

interface Failure {
  name: string;
  model?: string;
  script: Script;
  type: new (...args: any[]) => Error;
  like: object;
  /** A part of the message. */
  says: string;
}

/** What the promise rejects with. Throws when it does not. */
async function failure(promise: PromiseLike<unknown>): Promise<APIError> {
  let answer: unknown;
  try {
    answer = await promise;
  } catch (error) {
    return error as APIError;
  }
  throw new Error(`this should have failed: ${JSON.stringify(answer)}`);
}
