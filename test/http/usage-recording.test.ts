/** The row of usage that each turn leaves behind, however it ends. */

import { describe, expect, test } from "bun:test";
import { OcpError } from "../../src/core/errors.ts";
import { noUsage } from "../../src/core/turn.ts";
import {
  aborted,
  adminKey,
  blockStart,
  ending,
  fails,
  hangs,
  hello,
  helloStream,
  type Script,
  says,
  serve,
  start,
  text,
} from "./served.ts";

const began = {
  ...start,
  usage: { ...noUsage, input: 40, cacheRead: 200, output: 1 },
  path: "live",
  reason: null,
} as const;
const whole = { input: 3, cacheRead: 0, cacheWrite: 0, output: 2, thinking: 0 };
const half = { input: 40, cacheRead: 200, cacheWrite: 0, output: 2, thinking: 0 };

/** Says "Hello", and goes on as `then` does. */
function saysAnd(then: Script): Script {
  return async function* (conversation, context) {
    yield began;
    yield blockStart;
    yield text("Hello");
    yield* then(conversation, context);
  };
}

const until: Script = async function* (_conversation, { signal }) {
  await aborted(signal);
  yield* [];
  throw signal.reason;
};

describe("a turn that", () => {
  test.each<[string, Script, object]>([
    [
      "was answered",
      says("Hel", "lo"),
      { outcome: "ok", path: "new", tokens: whole, answerChars: 5, charged: { requests: 1, tokens: 5 } },
    ],
    [
      "ended before anything was said",
      says(),
      { outcome: "ok", path: "new", tokens: whole, answerChars: 0, firstMs: null, charged: { requests: 1, tokens: 5 } },
    ],
    [
      "failed before it was answered",
      fails(new OcpError("upstream_failed", "Failed.")),
      { outcome: "upstream_failed", path: null, tokens: noUsage, firstMs: null, charged: { requests: 0, tokens: 0 } },
    ],
    [
      "failed after the first words",
      saysAnd(fails(new OcpError("overloaded", "Overloaded."))),
      { outcome: "overloaded", path: "live", tokens: half, answerChars: 5, charged: { requests: 1, tokens: 242 } },
    ],
    [
      "took too long",
      fails(new OcpError("timeout", "Too long.")),
      { outcome: "timeout", charged: { requests: 0, tokens: 0 } },
    ],
    ["met a defect", fails(new Error("oops")), { outcome: "internal", charged: { requests: 0, tokens: 0 } }],
    [
      "stopped without an end",
      async function* () {
        yield began;
        yield blockStart;
        yield text("Hello");
      },
      { outcome: "upstream_failed", tokens: half, charged: { requests: 1, tokens: 242 } },
    ],
  ])("%s is one row, as a stream and not", async (_what, script, row) => {
    for (const body of [hello, helloStream]) {
      const served = serve({ script });
      await (await served.chat(body)).text();
      expect(served.rows()).toHaveLength(1);
      expect(served.rows()[0]).toMatchObject({
        principalId: "remote",
        name: "remote",
        keyId: null,
        dialect: "chat",
        model: "claude-sonnet-5-5",
        promptChars: 2,
        cache: "off",
        ...row,
      });
    }
  });

  test("calls a tool has begun with the call", async () => {
    const script: Script = async function* () {
      yield began;
      yield { type: "block_start", index: 0, block: { type: "tool_use", id: "toolu_1", name: "get_time" } };
      throw new OcpError("upstream_failed", "Failed.");
    };
    const served = serve({ script });
    await (await served.chat(helloStream)).text();
    expect(served.rows()).toMatchObject([{ firstMs: expect.any(Number), charged: { requests: 1 } }]);
  });

  test.each<[string, Script, object]>([
    ["before the first words", hangs(), { path: "new", charged: { requests: 0, tokens: 0 }, firstMs: null }],
    ["after the first words", saysAnd(until), { path: "live", tokens: half, charged: { requests: 1, tokens: 242 } }],
  ])("its client left %s is one row", async (_when, script, row) => {
    for (const body of [hello, helloStream]) {
      const running = Promise.withResolvers<void>();
      const served = serve({
        script: async function* (conversation, context) {
          for await (const event of script(conversation, context)) {
            yield event;
            running.resolve();
          }
        },
      });
      await using server = served.listen();
      const client = new AbortController();
      const { signal } = client;
      const request = fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify(body),
        signal,
      });
      request.then((response) => response.text()).catch(() => {});
      await running.promise;
      await Bun.sleep(5);
      client.abort();
      await served.ended(1);
      expect(served.rows()).toMatchObject([{ outcome: "client_left", ...row }]);
    }
  });

  test("found the queue full is one row", async () => {
    const served = serve({ script: hangs(), env: { CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "0" } });
    const client = new AbortController();
    const first = served.chat(helloStream, { signal: client.signal });
    await first;
    expect((await served.chat(hello)).status).toBe(429);
    expect(served.rows()).toMatchObject([{ outcome: "queue_full", path: null, charged: { requests: 0 } }]);
    client.abort();
    await served.ended(2);
  });

  test("its client left while it waited is one row with the time that it waited", async () => {
    const served = serve({ script: hangs(), env: { CLAUDE_MAX_CONCURRENT: "1" } });
    await using server = served.listen();
    const clients = [new AbortController(), new AbortController()];
    const ask = ({ signal }: AbortController) =>
      fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(helloStream), signal });
    await ask(clients[0]!);
    ask(clients[1]!).catch(() => {});
    while (served.admission.stats().waiting === 0) await Bun.sleep(1);
    clients[1]!.abort();
    await served.ended(1);
    expect(served.rows()).toMatchObject([{ outcome: "client_left", path: null, charged: { requests: 0 } }]);
    expect(served.rows()[0]!.queuedMs).toBeLessThanOrEqual(served.rows()[0]!.totalMs);
    clients[0]!.abort();
    await served.ended(2);
  });
});

test.each([
  ["/v1/chat/completions", hello, "chat"],
  ["/v1/messages", { ...hello, max_tokens: 100 }, "messages"],
  ["/v1/responses", { input: "hi" }, "responses"],
])("%s writes its dialect", async (path, body, dialect) => {
  const served = serve();
  for (const stream of [false, true]) {
    await (await served.send(path, { method: "POST", body: JSON.stringify({ ...body, stream }) })).text();
  }
  expect(served.rows().map((row) => [row.dialect, row.outcome])).toEqual([
    [dialect, "ok"],
    [dialect, "ok"],
  ]);
});

test.each(["/v1/chat/completions", "/v1/messages", "/v1/responses"])(
  "the row is there before the last frame of a stream of %s",
  async (path) => {
    const served = serve({ script: says("a", "b") });
    const body = path === "/v1/responses" ? { input: "hi" } : { ...hello, max_tokens: 100 };
    const response = await served.send(path, { method: "POST", body: JSON.stringify({ ...body, stream: true }) });
    let seen = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      seen += new TextDecoder().decode(chunk);
      if (/"finish_reason":"stop"|message_stop|response\.completed/.test(seen)) break;
    }
    expect(served.rows()).toHaveLength(1);
  },
);

test("a request that cannot be taken is no turn", async () => {
  const served = serve();
  await served.chat({ messages: [] });
  await served.send("/v1/chat/completions", { method: "POST", body: "{" });
  await served.send("/v1/models");
  expect(served.rows()).toEqual([]);
});

test("rows hold no word of what was said", async () => {
  const served = serve({ script: says("my-secret answer") });
  await served.chat({ messages: [{ role: "user", content: "my-secret question" }] });
  expect(served.rows()).toHaveLength(1);
  expect(JSON.stringify(served.rows())).not.toContain("my-secret");
});

describe("a store that fails", () => {
  const broken = () => {
    throw Object.assign(new Error("disk full"), { code: "SQLITE_FULL" });
  };

  test("fails no answer, is told of once in the log and in /health, and gets its rows later", async () => {
    const served = serve();
    const { record } = served.store.usage;
    served.store.usage.record = broken;
    for (const body of [hello, helloStream, hello]) {
      const response = await served.chat(body);
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("Hello")]);
    }
    expect(served.lines.filter((line) => line.message === "usage cannot be written")).toMatchObject([
      { level: "warn", fields: { problem: "SQLITE_FULL" } },
    ]);
    {
      await using server = served.listen();
      expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({
        status: "ok",
        usage: { waiting: 3, lost: 0, problem: "SQLITE_FULL" },
        advice: [expect.stringContaining("Usage cannot be kept")],
      });
    }
    served.store.usage.record = record;
    served.pass(1_000);
    await served.chat(hello);
    expect(served.rows()).toHaveLength(4);
  });
});

describe("why a turn did not go on in the process that held its conversation", () => {
  const rebuilt: Script = async function* () {
    yield { ...start, path: "resumed", reason: "evicted" };
    yield blockStart;
    yield text("Hello");
    yield* ending;
  };

  test("is in its row, in the usage that is reported, and in the line of the log", async () => {
    const served = serve({ script: rebuilt });
    await served.chat(hello);
    expect(served.rows()).toMatchObject([{ path: "resumed", reason: "evicted" }]);
    const headers = { authorization: `Bearer ${adminKey}` };
    const usage = (await (await served.send("/api/usage?all=true", { headers })).json()) as any;
    expect(usage.recent).toMatchObject([{ path: "resumed", reason: "evicted" }]);
    expect(served.requests()).toMatchObject([{ outcome: "ok", process: "resumed", reason: "evicted" }, {}]);
  });

  test("is there where the turn failed after it had begun", async () => {
    const served = serve({
      script: async function* () {
        yield { ...start, path: "resumed", reason: "tools" };
        yield blockStart;
        yield text("Hello");
        throw new OcpError("overloaded", "Overloaded.");
      },
    });
    await (await served.chat(helloStream)).text();
    expect(served.rows()).toMatchObject([{ outcome: "overloaded", path: "resumed", reason: "tools" }]);
    expect(served.requests()).toMatchObject([{ outcome: "overloaded", process: "resumed", reason: "tools" }]);
  });

  test("is null where it went on in it, and where no process was asked", async () => {
    const served = serve({
      script: saysAnd(async function* () {
        yield* ending;
      }),
    });
    await served.chat(hello);
    await served.send("/v1/models");
    expect(served.rows()).toMatchObject([{ path: "live", reason: null }]);
    expect(served.requests()).toMatchObject([
      { process: "live", reason: null },
      { process: null, reason: null },
    ]);
  });

  test("is not that of the kept answer's turn where the answer comes out of the cache", async () => {
    const served = serve({ env: { CLAUDE_CACHE_TTL: "60000" }, script: rebuilt });
    for (let each = 0; each < 2; each++) await served.chat(hello);
    expect(served.rows()).toMatchObject([
      { cache: "miss", path: "resumed", reason: "evicted" },
      { cache: "hit", path: null, reason: null },
    ]);
    expect(served.requests()).toMatchObject([
      { process: "resumed", reason: "evicted" },
      { process: null, reason: null },
    ]);
  });
});
