import { describe, expect, test } from "bun:test";
import { type ErrorCode, OcpError } from "../../src/core/errors.ts";
import { noUsage } from "../../src/core/turn.ts";
import {
  blockStart,
  contentOf,
  ending,
  errorOf,
  fails,
  hello,
  helloStream,
  says,
  serve,
  start,
  text,
} from "./served.ts";

describe("POST /v1/chat/completions", () => {
  test("answers with one JSON", async () => {
    const response = await serve({ script: says("Hel", "lo") }).chat(hello);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(response.headers.has("x-ocp-ignored")).toBe(false);
    expect(response.headers.has("x-ocp-truncated")).toBe(false);
    expect(await response.json()).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-[A-Za-z0-9]+$/),
      object: "chat.completion",
      created: 1767323045,
      model: "claude-sonnet-5-5",
      choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
  });

  test("answers with a stream that no proxy holds back", async () => {
    const response = await serve({ script: says("Hel", "lo") }).chat(helloStream);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const stream = await response.text();
    expect(contentOf(stream)).toBe("Hello");
    expect(stream).toEndWith("data: [DONE]\n\n");
    expect(stream).not.toContain(": keepalive");
  });

  test("gives the engine the conversation, the principal, and the id that the response carries", async () => {
    let seen: unknown;
    const { chat } = serve({
      env: { CLAUDE_SYSTEM_PROMPT: "Be kind." },
      async *script({ model, system }, { principal, requestId }) {
        seen = { model, system, principal: principal.id, requestId };
        yield* says("ok")({} as never, {} as never);
      },
    });
    const response = await chat({
      model: "haiku",
      messages: [{ role: "system", content: "Be brief." }, ...hello.messages],
    });
    expect(await response.json()).toMatchObject({ model: "haiku" });
    expect(seen).toEqual({
      model: "claude-haiku-5-5",
      system: "Be brief.\n\nBe kind.",
      principal: "remote",
      requestId: response.headers.get("x-request-id"),
    });
  });

  describe.each([
    ["as JSON", hello],
    ["as a stream", helloStream],
  ])("%s", (_name, body) => {
    test.each<[ErrorCode, number, string]>([
      ["context_length_exceeded", 400, "context_length_exceeded"],
      ["upstream_authentication", 401, "upstream_authentication"],
      ["upstream_permission", 403, "upstream_permission"],
      ["model_not_found", 404, "model_not_found"],
      ["plan_limit", 429, "insufficient_quota"],
      ["upstream_failed", 502, "upstream_failed"],
      ["not_ready", 503, "not_ready"],
      ["timeout", 504, "timeout"],
      ["overloaded", 529, "overloaded"],
    ])("a turn that fails at once with %s is a %d", async (code, status, shown) => {
      const served = serve({ script: fails(new OcpError(code, "A sentence.")) });
      const response = await served.chat(body);
      expect(response.status).toBe(status);
      expect(response.headers.get("content-type")).toStartWith("application/json");
      expect(response.headers.has("retry-after")).toBe(false);
      expect(await errorOf(response)).toMatchObject({ message: "A sentence.", code: shown });
      expect(served.requests()).toEqual([expect.objectContaining({ status, outcome: code })]);
      expect(served.admission.stats().running).toBe(0);
    });

    test("a limit says when to try again, in whole seconds", async () => {
      const response = await serve({ script: fails(new OcpError("plan_limit", "Later.", { retryAfter: 61.2 })) }).chat(
        body,
      );
      expect(response.headers.get("retry-after")).toBe("62");
    });

    test("a defect is an internal error with an id, its place is in the log, and its text nowhere", async () => {
      const served = serve({ script: fails(new Error("secret /home/someone/prompt")) });
      const response = await served.chat(body);
      expect(response.status).toBe(500);
      const id = response.headers.get("x-request-id");
      const answer = await response.text();
      expect(answer).toContain(`${id}`);
      expect(answer).not.toContain("secret");
      const line = served.lines.find(({ level }) => level === "error");
      expect(line?.fields).toMatchObject({ requestId: id, defect: "Error" });
      expect(line?.fields.at).toContainEqual(expect.stringContaining("chat.test.ts"));
      expect(JSON.stringify(served.lines)).not.toContain("secret");
    });

    test("parameters without effect are named, in the client's words", async () => {
      const served = serve({
        async *script() {
          yield { ...start, ignored: ["maxTokens", "temperature", "effort"] } as typeof start;
          yield blockStart;
          yield text("ok");
          yield* ending;
        },
      });
      const response = await served.chat({
        ...body,
        max_tokens: 9,
        temperature: 0.5,
        reasoning_effort: "low",
        seed: 7,
      });
      expect(response.headers.get("x-ocp-ignored")?.split(", ").sort()).toEqual([
        "max_tokens",
        "reasoning_effort",
        "seed",
        "temperature",
      ]);
      await response.text();
    });

    test("with CLAUDE_MAX_PROMPT_CHARS the oldest messages go, and the header says how many", async () => {
      let heard = 0;
      const served = serve({
        env: { CLAUDE_MAX_PROMPT_CHARS: "1000" },
        async *script({ messages }) {
          heard = messages.length;
          yield* says("ok")({} as never, {} as never);
        },
      });
      const messages = Array.from({ length: 9 }, (_, i) => ({
        role: i % 2 ? "assistant" : "user",
        content: "x".repeat(200),
      }));
      const response = await served.chat({ ...body, messages });
      await response.text();
      expect(response.status).toBe(200);
      expect(Number(response.headers.get("x-ocp-truncated"))).toBe(9 - heard);
      expect(heard).toBeLessThan(9);
    });
  });

  test("a turn that fails later ends the stream with an error frame, never with a finish reason", async () => {
    const served = serve({
      async *script() {
        yield start;
        yield blockStart;
        yield text("Hel");
        throw new OcpError("overloaded", "The model's side is overloaded.");
      },
    });
    const response = await served.chat(helloStream);
    expect(response.status).toBe(200);
    const stream = await response.text();
    expect(contentOf(stream)).toBe("Hel");
    expect(stream).toContain('data: {"error":{"message":"The model\'s side is overloaded."');
    expect(stream).not.toContain('"finish_reason":"');
    expect(served.requests()).toEqual([expect.objectContaining({ status: 200, outcome: "overloaded" })]);
  });

  test("a defect in the middle of a stream is a frame without the defect's text", async () => {
    const served = serve({
      async *script() {
        yield start;
        throw new Error("secret /home/someone/prompt");
      },
    });
    const stream = await (await served.chat(helloStream)).text();
    expect(stream).toContain('data: {"error":');
    expect(stream).not.toContain("secret");
    expect(served.requests()).toEqual([expect.objectContaining({ outcome: "internal" })]);
  });

  test("a turn that fails later is an error of its own status without a stream", async () => {
    const served = serve({
      async *script() {
        yield start;
        yield blockStart;
        throw new OcpError("timeout", "Too long.");
      },
    });
    const response = await served.chat(hello);
    expect([response.status, (await errorOf(response)).code]).toEqual([504, "timeout"]);
  });

  test.each<[string, object, string | null]>([
    ["no messages", {}, "messages"],
    ["empty messages", { messages: [] }, "messages"],
    ["a wrong type", { ...hello, stream: "yes" }, "stream"],
    ["an unknown model", { ...hello, model: "gpt-5" }, "model"],
    ["a tool without a name", { ...hello, tools: [{ type: "function", function: {} }] }, "tools.0.function.name"],
    ["a forced call of no tool", { ...hello, tool_choice: "required" }, "tool_choice"],
  ])("refuses %s before anything is started, and names the field", async (_name, body, param) => {
    const served = serve({ script: fails(new Error("must not run")) });
    const response = await served.chat(body);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect((await errorOf(response)).param).toBe(param);
    expect(served.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("a full queue is a 429 with the seconds to wait", async () => {
    const served = serve({ env: { CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "0", CLAUDE_QUEUE_RETRY_AFTER: "7" } });
    const holder = await served.admission.acquire("x", new AbortController().signal);
    for (const body of [hello, helloStream]) {
      const response = await served.chat(body);
      expect(response.status).toBe(429);
      expect(response.headers.get("retry-after")).toBe("7");
      expect((await errorOf(response)).code).toBe("rate_limit_exceeded");
    }
    holder.release();
    expect((await served.chat(hello)).status).toBe(200);
  });

  test("the place is free again when the answer is complete", async () => {
    const served = serve({ env: { CLAUDE_MAX_CONCURRENT: "1" } });
    for (let i = 0; i < 5; i++) await (await served.chat(i % 2 ? hello : helloStream)).text();
    expect(served.admission.stats()).toEqual({ running: 0, waiting: 0, rejected: 0 });
  });

  test("an answer without text is still an answer", async () => {
    const served = serve({
      async *script() {
        yield start;
        yield { type: "end", stop: "end_turn", stopSequence: null, usage: noUsage };
      },
    });
    expect(await (await served.chat(hello)).json()).toMatchObject({ choices: [{ finish_reason: "stop" }] });
  });
});
