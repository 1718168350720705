/** Which requests are answered from the response cache, and what their clients see of it. */

import { describe, expect, test } from "bun:test";
import type { RequestContext } from "../../src/core/ports.ts";
import { wellKnown } from "../../src/core/principal.ts";
import type { CacheStore } from "../../src/core/store.ts";
import { noUsage, type TurnEvent } from "../../src/core/turn.ts";
import { freshNote } from "../../src/core/turn-note.ts";
import { createCaching } from "../../src/server/turns/caching.ts";
import { memoryCache } from "./memory-cache.ts";
import { adminKey, blockStart, fails, type Script, type ServedOptions, says, serve, start, text } from "./served.ts";

const on = { CLAUDE_CACHE_TTL: "60000" };
const question = [{ role: "user", content: "Why is the sky blue?" }];

/** A server whose cache is on, and how often its engine was asked. */
function cached({ script = says("Because ", "of Rayleigh."), env = {}, ...options }: ServedOptions = {}) {
  let asked = 0;
  const counting: Script = (conversation, context) => {
    asked++;
    return script(conversation, context);
  };
  const served = serve({ env: { ...on, ...env }, script: counting, ...options });
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    served.send(path, { method: "POST", body: JSON.stringify(body), headers });
  return { ...served, post, asked: () => asked };
}

const chat = { model: "sonnet", messages: question, max_tokens: 100 };
const messages = { model: "sonnet", messages: question, max_tokens: 100 };
const responses = { model: "sonnet", input: "Why is the sky blue?", max_output_tokens: 100 };

const dialects: Array<[string, string, object]> = [
  ["chat", "/v1/chat/completions", chat],
  ["messages", "/v1/messages", messages],
  ["responses", "/v1/responses", responses],
];

/** The text of an answer, and everything else that it says, without what is its own: id and time. */
async function told(response: Response): Promise<{ outcome: string | null; text: string; body: string }> {
  const raw = await response.text();
  const all = [...raw.matchAll(/"(?:content|text|delta)":"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]);
  return { outcome: response.headers.get("x-ocp-cache"), text: all.join(""), body: raw };
}

describe.each(dialects)("%s", (_dialect, path, body) => {
  test.each([false, true])("an answer is kept and given again, streaming: %p", async (stream) => {
    const { post, asked } = cached();
    const first = await told(await post(path, { ...body, stream }));
    const second = await told(await post(path, { ...body, stream }));
    expect([first.outcome, second.outcome]).toEqual(["miss", "hit"]);
    expect(asked()).toBe(1);
    expect(second.text).toContain("Because of Rayleigh.");
    const ids = /"((?:chatcmpl-|msg_|resp_)[^"]+)"/;
    expect(ids.exec(second.body)![1]).not.toBe(ids.exec(first.body)![1]!);
  });

  test("what one way of asking has brought serves the other", async () => {
    const { post, asked } = cached();
    expect((await told(await post(path, { ...body, stream: true }))).outcome).toBe("miss");
    expect((await told(await post(path, { ...body, stream: false }))).outcome).toBe("hit");
    expect(asked()).toBe(1);
  });

  test.each<[string, object, Record<string, string>]>([
    ["a session", { session_id: "s" }, {}],
    ["a conversation", { conversation_id: "c" }, {}],
    ["a session that is a number", { session_id: 0 }, {}],
    ["a session in its head", {}, { "X-Session-Id": "s" }],
    ["a conversation in its head", {}, { "x-conversation-id": "c" }],
    ["a mark for the vendor's cache", { cache_control: { type: "ephemeral" } }, {}],
    ["a mark deep inside", { metadata: { a: [{ b: [{ cache_control: true }] }] } }, {}],
  ])("a request with %s is always answered anew", async (_name, more, headers) => {
    const { post, asked, cache } = observed();
    for (let i = 0; i < 2; i++) {
      const { outcome, text } = await told(await post(path, { ...body, ...more }, headers));
      expect([outcome, text]).toEqual(["bypass", expect.stringContaining("Because of Rayleigh.")]);
    }
    expect(asked()).toBe(2);
    expect(cache.entries.size).toBe(0);
  });

  test.each<[string, object, Record<string, string>]>([
    ["a key for the vendor's cache", { prompt_cache_key: "k" }, {}],
    ["a session that is null or blank", { session_id: null, conversation_id: " " }, {}],
    ["another client's header", {}, { "x-session-affinity": "s" }],
    ["a mark that is null", { cache_control: null }, {}],
    ["a name of its user", { user: "u", metadata: { user_id: "u" } }, {}],
  ])("%s keeps no request from it", async (_name, more, headers) => {
    const { post } = cached();
    await told(await post(path, body));
    expect((await told(await post(path, { ...body, ...more }, headers))).outcome).toBe("hit");
  });
});

function observed(options: ServedOptions = {}) {
  const cache = memoryCache();
  return { ...cached({ cache, ...options }), cache };
}

test("an answer is the same in all dialects, whichever asked first", async () => {
  for (const [, firstPath, firstBody] of dialects) {
    const { post, asked } = cached();
    await told(await post(firstPath, firstBody));
    for (const [, path, body] of dialects) {
      const { outcome, text } = await told(await post(path, { ...body, stream: true }));
      expect([outcome, text]).toEqual(["hit", expect.stringContaining("Because of Rayleigh.")]);
    }
    expect(asked()).toBe(1);
  }
});

test.each<[string, string, object]>([
  [
    "marks in messages",
    "/v1/messages",
    {
      ...messages,
      messages: [{ role: "user", content: [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }] }],
    },
  ],
  [
    "marks in the system prompt",
    "/v1/messages",
    { ...messages, system: [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }] },
  ],
  [
    "marks in a chat's parts",
    "/v1/chat/completions",
    { ...chat, messages: [{ role: "user", content: [{ type: "text", text: "a", cache_control: {} }] }] },
  ],
  [
    "marks in items",
    "/v1/responses",
    { ...responses, input: [{ role: "user", content: [{ type: "input_text", text: "a", cache_control: {} }] }] },
  ],
  ["tools", "/v1/messages", { ...messages, tools: [{ name: "f", input_schema: { type: "object" } }] }],
  ["functions", "/v1/chat/completions", { ...chat, tools: [{ type: "function", function: { name: "f" } }] }],
  ["older functions", "/v1/chat/completions", { ...chat, functions: [{ name: "f" }] }],
  [
    "tools that may not be called",
    "/v1/responses",
    { ...responses, tools: [{ type: "function", name: "f" }], tool_choice: "none" },
  ],
  [
    "results of tools",
    "/v1/messages",
    {
      ...messages,
      messages: [
        ...question,
        { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "x" }] },
      ],
    },
  ],
])("a request with %s is always answered anew", async (_name, path, body) => {
  const { post, asked, cache } = observed();
  for (let i = 0; i < 2; i++) expect((await told(await post(path, body))).outcome).toBe("bypass");
  expect(asked()).toBe(2);
  expect(cache.entries.size).toBe(0);
});

test("a picture by its URL is looked at anew each time, one in the request is not", async () => {
  const { post } = cached({ env: { CLAUDE_IMAGE_ALLOW_URL: "1" } });
  const asking = (url: string) => ({
    ...chat,
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  });
  const outcomes = [];
  const pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
  for (const url of ["http://a.example/b.png", "http://a.example/b.png", pixel, pixel]) {
    outcomes.push((await told(await post("/v1/chat/completions", asking(url)))).outcome);
  }
  expect(outcomes).toEqual(["bypass", "bypass", "miss", "hit"]);
});

describe("where the model may use tools of this machine", () => {
  const admin = { authorization: `Bearer ${adminKey}` };
  const outcomesOf = async (env: Record<string, string>, headers: Record<string, string>) => {
    const { post, asked, cache } = observed({ env: { CLAUDE_ALLOWED_TOOLS: "Read", ...env } });
    const outcomes: unknown[] = [];
    for (let i = 0; i < 2; i++) outcomes.push((await told(await post("/v1/chat/completions", chat, headers))).outcome);
    return [...outcomes, asked(), cache.entries.size];
  };

  test("nothing is kept of a caller for whom it may", async () => {
    expect(await outcomesOf({}, admin)).toEqual(["bypass", "bypass", 2, 0]);
  });

  test("answers of others are kept", async () => {
    expect(await outcomesOf({}, {})).toEqual(["miss", "hit", 1, 1]);
  });

  test("answers are kept where the interactive mode turns them off", async () => {
    expect(await outcomesOf({ CLAUDE_TUI_MODE: "1" }, admin)).toEqual(["miss", "hit", 1, 1]);
  });
});

test("off, as it is by default, it leaves no trace", async () => {
  const { post, asked, cache } = observed({ env: { CLAUDE_CACHE_TTL: "" } });
  for (const more of [{}, {}, { session_id: "s" }, { stream: true }]) {
    expect((await told(await post("/v1/chat/completions", { ...chat, ...more }))).outcome).toBeNull();
  }
  expect([asked(), cache.entries.size]).toEqual([4, 0]);
});

test("an alias and the id that it stands for share their answers", async () => {
  const { post, asked } = cached();
  const outcomes = [];
  for (const model of ["sonnet", "claude-sonnet-5-5", undefined, "opus", "claude-opus-5-5"]) {
    outcomes.push((await told(await post("/v1/chat/completions", { ...chat, model }))).outcome);
  }
  expect(outcomes).toEqual(["miss", "hit", "hit", "miss", "hit"]);
  expect(asked()).toBe(2);
});

test("principals never share their answers", async () => {
  const { post, listen, asked } = cached({ env: { PROXY_API_KEY: "open-sesame" } });
  await using server = listen();
  const send = (headers: Record<string, string>) =>
    fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(chat), headers });
  const [key, local] = [{ authorization: "Bearer open-sesame" }, {}];
  const outcomes = [];
  for (const headers of [key, local, key, local]) outcomes.push((await told(await send(headers))).outcome);
  expect(outcomes).toEqual(["miss", "miss", "hit", "hit"]);
  expect(asked()).toBe(2);
  expect((await post("/v1/chat/completions", chat)).status).toBe(401);
});

test.each<[string, Record<string, string>]>([
  ["system prompt", { CLAUDE_SYSTEM_PROMPT: "Answer in French." }],
  ["limit of characters", { CLAUDE_MAX_PROMPT_CHARS: "5000" }],
  ["upstream", { OCP_UPSTREAM_URL: "http://gateway.example" }],
  ["home", { OCP_SPAWN_REAL_HOME: "1" }],
])("with another %s the answers from before are not given", async (_name, env) => {
  const cache = memoryCache();
  const outcomes = [];
  for (const extra of [{}, env, {}, env]) {
    const { post } = cached({ cache, env: extra });
    outcomes.push((await told(await post("/v1/chat/completions", chat))).outcome);
  }
  expect(outcomes).toEqual(["miss", "miss", "hit", "hit"]);
});

describe("a stream that is replayed", () => {
  const thoughtful: Script = async function* () {
    yield { ...start, ignored: ["topK"], usage: { ...noUsage, input: 9, output: 1 } } as TurnEvent;
    yield { type: "block_start", index: 0, block: { type: "thinking" } };
    yield { type: "delta", index: 0, delta: { type: "thinking", text: "Scattering." } };
    yield { type: "delta", index: 0, delta: { type: "signature", signature: "c2lnbmVk" } };
    yield { type: "block_stop", index: 0 };
    yield { type: "block_start", index: 1, block: { type: "text" } };
    yield { type: "delta", index: 1, delta: { type: "text", text: "Because 😀 ".repeat(40) } };
    yield { type: "block_stop", index: 1 };
    yield {
      type: "end",
      stop: "end_turn",
      stopSequence: null,
      usage: { ...noUsage, input: 9, output: 77, thinking: 5 },
    };
  };

  test("comes in small pieces, with its thoughts, their signature, and the usage that it once had", async () => {
    const { post } = cached({ script: thoughtful });
    await told(await post("/v1/messages", { ...messages, top_k: 5 }));
    const response = await post("/v1/messages", { ...messages, top_k: 5, stream: true });
    expect(response.headers.get("x-ocp-cache")).toBe("hit");
    expect(response.headers.get("x-ocp-ignored")).toBe("top_k");
    const frames = [...(await response.text()).matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!));
    const deltas = frames.flatMap(({ delta }) => delta?.text ?? []);
    expect(deltas.join("")).toBe("Because 😀 ".repeat(40));
    expect(deltas.length).toBe(5);
    for (const delta of deltas) expect(delta.isWellFormed()).toBe(true);
    expect(frames.map(({ delta }) => delta?.thinking ?? delta?.signature).filter(Boolean)).toEqual([
      "Scattering.",
      "c2lnbmVk",
    ]);
    expect(frames.at(0).message.usage).toMatchObject({ input_tokens: 9, output_tokens: 1 });
    expect(frames.at(-2).usage).toMatchObject({ input_tokens: 9, output_tokens: 77 });
    expect(frames.at(-1)).toEqual({ type: "message_stop" });
  });

  test("needs no place among the running requests", async () => {
    const served = cached({ env: { CLAUDE_MAX_CONCURRENT: "1", CLAUDE_MAX_QUEUE: "0" } });
    await told(await served.post("/v1/chat/completions", chat));
    const holder = await served.admission.acquire("x", new AbortController().signal);
    expect((await told(await served.post("/v1/chat/completions", chat))).outcome).toBe("hit");
    expect((await served.post("/v1/chat/completions", { ...chat, temperature: 0 })).status).toBe(429);
    holder.release();
  });

  test("is slowed by no brake, however often it is asked for", async () => {
    const { post, asked } = cached({ env: { OCP_REPEAT_LIMIT: "1" } });
    for (let i = 0; i < 10; i++) expect((await post("/v1/chat/completions", chat)).status).toBe(200);
    expect(asked()).toBe(1);
  });
});

test("an answer that is replayed ends when its client leaves", async () => {
  const { post, requests } = cached({ script: says("x".repeat(1_000_000)) });
  await told(await post("/v1/chat/completions", chat));
  const response = await post("/v1/chat/completions", { ...chat, stream: true });
  await response.body!.cancel();
  expect(requests().map(({ outcome }) => outcome)).toEqual(["ok", "client_left"]);
});

test("an answer that is replayed ends with the signal's reason", async () => {
  const store = memoryCache();
  const options = {
    store,
    ttl: () => 1_000,
    maxBytes: () => 1_000,
    epoch: () => "",
    usesHostTools: () => false,
    clock: () => 0,
    warn() {},
  };
  const run = createCaching(options).around(says("Because"));
  const asked = {
    model: "m",
    system: "",
    messages: [],
    toolbox: null,
    output: null,
    sampling: { stop: [] },
    hints: [],
  };
  const context = (signal: AbortSignal): RequestContext => ({
    principal: wellKnown("local", "user"),
    requestId: "req_1",
    dialect: "chat",
    bypassCache: false,
    note: freshNote(),
    signal,
  });
  for await (const _ of run(asked, context(new AbortController().signal)));
  const client = new AbortController();
  const hit = context(client.signal);
  const events = run(asked, hit);
  expect((await events.next()).value).toMatchObject({ type: "start" });
  expect(hit.note.cache).toBe("hit");
  client.abort(new Error("gone"));
  await expect(events.next()).rejects.toThrow("gone");
});

describe("what is not a whole answer is not kept:", () => {
  const ends = (stop: string): Script =>
    async function* () {
      yield start;
      yield blockStart;
      yield text("Because");
      yield { type: "block_stop", index: 0 };
      yield { type: "end", stop, stopSequence: null, usage: noUsage } as TurnEvent;
    };
  const breaks: Script = async function* () {
    yield start;
    yield blockStart;
    yield text("Because");
    throw new Error("broken: Because");
  };
  const cut: Script = async function* () {
    yield start;
    yield blockStart;
    yield text("Because");
  };
  test.each<[string, Script]>([
    ["one at its limit", ends("max_tokens")],
    ["one at the window's end", ends("model_context_window_exceeded")],
    ["a refusal", ends("refusal")],
    ["an empty one", says("")],
    ["one that broke", breaks],
    ["one that was cut", cut],
    ["an error", fails(new Error("Because"))],
  ])("%s", async (_name, script) => {
    for (const stream of [false, true]) {
      const { post, asked, cache } = observed({ script });
      for (let i = 0; i < 2; i++) await (await post("/v1/chat/completions", { ...chat, stream })).text();
      expect([asked(), cache.entries.size]).toEqual([2, 0]);
    }
  });

  test("one that ended at a stop sequence is one", async () => {
    const { post, asked } = cached({ script: ends("stop_sequence") });
    for (let i = 0; i < 2; i++) await (await post("/v1/chat/completions", { ...chat, stop: "x" })).text();
    expect(asked()).toBe(1);
  });
});

describe("the store", () => {
  test("gives nothing that is older than the time to live", async () => {
    let now = 1_000_000;
    const { post } = cached({ clock: () => now });
    const outcomes = [];
    for (const later of [0, 60_000, 1, 59_999]) {
      now += later;
      outcomes.push((await told(await post("/v1/chat/completions", chat))).outcome);
    }
    expect(outcomes).toEqual(["miss", "hit", "miss", "hit"]);
  });

  test("gives nothing of a time to come, after the clock was set back", async () => {
    let now = 1_000_000;
    const { post } = cached({ clock: () => now });
    await told(await post("/v1/chat/completions", chat));
    now -= 500_000;
    expect((await told(await post("/v1/chat/completions", chat))).outcome).toBe("miss");
  });

  test("keeps nothing that was still being said when it was turned off", async () => {
    const { config, cache, post } = observed({
      async *script(conversation, context) {
        config.cacheTtl = 0;
        yield* says("Because")(conversation, context);
      },
    });
    expect((await told(await post("/v1/chat/completions", chat))).outcome).toBe("miss");
    expect(cache.entries.size).toBe(0);
    expect((await told(await post("/v1/chat/completions", chat))).outcome).toBeNull();
  });

  test("is never asked to keep more than its size", async () => {
    const { post, cache } = observed({ script: says("x".repeat(1_000)), env: { OCP_CACHE_MAX_BYTES: "3000" } });
    const ask = async (temperature: number) =>
      (await told(await post("/v1/chat/completions", { ...chat, temperature }))).outcome;
    const outcomes = [];
    for (const temperature of [0.1, 0.2, 0.1, 0.3, 0.1, 0.2]) outcomes.push(await ask(temperature));
    expect(outcomes).toEqual(["miss", "miss", "hit", "miss", "hit", "miss"]);
    expect(cache.stats().bytes).toBeLessThanOrEqual(3_000);
  });

  test("an answer that is larger than all of it drives out no other", async () => {
    const script: Script = (conversation, context) =>
      says(
        (conversation.sampling.temperature === 1 ? "x" : "").padEnd(
          conversation.sampling.temperature === 1 ? 5_000 : 5,
          "y",
        ),
      )(conversation, context);
    const { post, cache } = observed({ script, env: { OCP_CACHE_MAX_BYTES: "3000" } });
    for (const temperature of [0, 1, 1]) await told(await post("/v1/chat/completions", { ...chat, temperature }));
    expect(cache.entries.size).toBe(1);
    expect((await told(await post("/v1/chat/completions", { ...chat, temperature: 0 }))).outcome).toBe("hit");
  });

  test.each(["", "{", '{"blocks":[]}', "null"])(
    "a row that is damaged (%j) counts as none, and is written anew",
    async (damaged) => {
      const { post, asked, cache } = observed();
      await told(await post("/v1/chat/completions", chat));
      for (const entry of cache.entries.values()) entry.answer = damaged;
      const outcomes = [];
      for (let i = 0; i < 2; i++) outcomes.push(await told(await post("/v1/chat/completions", chat)));
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(["miss", "hit"]);
      expect(outcomes[1]!.text).toContain("Because of Rayleigh.");
      expect(asked()).toBe(2);
    },
  );

  test("another principal's row under one's own name counts as none", async () => {
    const { post, cache } = observed();
    await told(await post("/v1/chat/completions", chat));
    for (const entry of cache.entries.values()) entry.principalId = "key-7";
    expect((await told(await post("/v1/chat/completions", chat))).outcome).toBe("miss");
  });

  test.each(["get", "put"] as const)(
    "that fails to %s spoils no answer, and its error is told without what was said",
    async (broken) => {
      const failing: CacheStore = {
        ...memoryCache(),
        [broken]: () => {
          throw Object.assign(new Error("disk full: Because of Rayleigh."), { code: "SQLITE_FULL" });
        },
      };
      for (const stream of [false, true]) {
        const { post, asked, lines } = cached({ cache: failing });
        for (let i = 0; i < 2; i++) {
          const { outcome, text } = await told(await post("/v1/chat/completions", { ...chat, stream }));
          expect([outcome, text]).toEqual(["miss", expect.stringContaining("Because of Rayleigh.")]);
        }
        expect(asked()).toBe(2);
        expect(JSON.stringify(lines)).toContain("SQLITE_FULL");
        expect(JSON.stringify(lines)).not.toMatch(/Rayleigh|sky/);
      }
    },
  );
});

test("nothing of a question or an answer is in the log", async () => {
  const { post, lines } = cached();
  for (let i = 0; i < 3; i++) await told(await post("/v1/chat/completions", { ...chat, stream: i === 2 }));
  expect(lines.length).toBeGreaterThan(0);
  expect(JSON.stringify(lines)).not.toMatch(/Rayleigh|sky/);
});

describe("/cache", () => {
  test("tells its figures to the owner, and forgets all on demand", async () => {
    const { listen } = cached();
    await using server = listen();
    const call = async (path: string, init?: RequestInit) => (await fetch(`${server.url}${path}`, init)).json();
    const ask = async (body: object) =>
      (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) })).text();
    expect(await call("/cache/stats")).toEqual({
      entries: 0,
      totalHits: 0,
      sizeBytes: 0,
      inflight: 0,
      requesters: 0,
      ttl: 60_000,
      maxBytes: 67_108_864,
    });
    for (const body of [chat, chat, chat, { ...chat, temperature: 0 }]) await ask(body);
    expect(await call("/cache/stats?x=1")).toMatchObject({ entries: 2, totalHits: 2, sizeBytes: expect.any(Number) });
    expect(await call("/cache", { method: "DELETE" })).toEqual({ cleared: 2 });
    expect(await call("/cache/stats")).toMatchObject({ entries: 0, totalHits: 0, sizeBytes: 0 });
    expect(await call("/cache", { method: "DELETE" })).toEqual({ cleared: 0 });
  });

  test.each([
    ["GET", "/cache/stats"],
    ["DELETE", "/cache"],
  ])("%s %s is nobody else's", async (method, path) => {
    const { listen, cache } = observed({ env: { PROXY_API_KEY: "open-sesame" } });
    await using server = listen();
    const headers = { authorization: "Bearer open-sesame" };
    await (
      await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(chat), headers })
    ).text();
    const response = await fetch(`${server.url}${path}`, { method, headers });
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain("entries");
    expect(cache.entries.size).toBe(1);
  });
});
