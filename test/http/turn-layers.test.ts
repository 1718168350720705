/** The order of what stands between a request and the engine, and what each of it costs a key. */

import { expect, test } from "bun:test";
import type { Conversation } from "../../src/core/conversation.ts";
import { OcpError } from "../../src/core/errors.ts";
import type { Layer, RequestContext, TurnNote } from "../../src/core/ports.ts";
import type { TurnEvent } from "../../src/core/turn.ts";
import { freshNote } from "../../src/core/turn-note.ts";
import { createTurns, type TurnLayers } from "../../src/server/turns.ts";
import { blockStart, ending, type Script, says, serve, start, text } from "./served.ts";

const conversation: Conversation = {
  model: "claude-sonnet-5-5",
  system: "",
  messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
  toolbox: null,
  output: null,
  sampling: { stop: [] },
  hints: [],
};

function pipeline(layers: TurnLayers, script: Script = says("Hello"), env: Record<string, string> = {}) {
  const asked: Conversation[] = [];
  const served = serve({
    env,
    script: (question, context) => {
      asked.push(question);
      return script(question, context);
    },
  });
  const { key } = served.store.keys.create("laptop", null);
  const turns = createTurns(served.services, layers);
  let ids = 0;
  const contextOf = (own: Partial<RequestContext> = {}): RequestContext => ({
    principal: { id: `key-${key.id}`, name: key.name, role: "user", keyId: key.id },
    signal: new AbortController().signal,
    requestId: `req_${++ids}`,
    dialect: "chat",
    bypassCache: false,
    note: freshNote(),
    ...own,
  });
  return {
    ...served,
    key,
    asked,
    turns,
    contextOf,
    async run(context = contextOf(), question = conversation): Promise<TurnEvent[]> {
      return Array.fromAsync(turns.run(question, context));
    },
  };
}

/** A layer that tells that it was passed. */
const noting =
  (passed: string[], name: string, note: Partial<TurnNote> = {}): Layer =>
  (next) =>
    async function* (question, context) {
      passed.push(name);
      Object.assign(context.note, note);
      yield* next(question, context);
    };

/** A cache that has every answer. */
const hit: Layer = () =>
  async function* (_question, { note }) {
    note.cache = "hit";
    yield* [start, blockStart, text("kept"), ...ending];
  };

test("the cache comes first, then the plan", async () => {
  const passed: string[] = [];
  const { run } = pipeline({ planGate: noting(passed, "plan"), cache: noting(passed, "cache", { cache: "miss" }) });
  await run();
  expect(passed).toEqual(["cache", "plan"]);
});

test("an answer out of the cache costs nothing and is a row", async () => {
  const { run, rows, key, store, asked } = pipeline({ cache: hit });
  store.keys.setLimits(key.id, "requests", { daily: 1 });
  for (let i = 0; i < 3; i++) expect(await run()).toHaveLength(5);
  expect(asked).toEqual([]);
  expect(rows()).toHaveLength(3);
  const nothing = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, thinking: 0 };
  for (const row of rows()) {
    expect(row).toMatchObject({
      outcome: "ok",
      cache: "hit",
      path: null,
      tokens: nothing,
      answerChars: 4,
      firstMs: expect.any(Number),
      charged: { requests: 0, tokens: 0 },
    });
  }
});

test("an exhausted key is refused before the cache is asked", async () => {
  const passed: string[] = [];
  const { run, rows, key, store } = pipeline({ cache: noting(passed, "cache") });
  store.keys.setLimits(key.id, "requests", { daily: 0 });
  await expect(run()).rejects.toMatchObject({ code: "quota_exceeded" });
  expect(passed).toEqual([]);
  expect(rows()).toMatchObject([{ outcome: "quota_exceeded", path: null, charged: { requests: 0, tokens: 0 } }]);
});

test("what the plan refuses is not set aside, and nothing of it is asked", async () => {
  const gate: Layer = () =>
    // biome-ignore lint/correctness/useYield: it refuses where a turn would yield.
    async function* () {
      throw new OcpError("plan_limit", "Used up.");
    };
  const { run, rows, key, store, asked } = pipeline({ planGate: gate });
  store.keys.setLimits(key.id, "requests", { daily: 1 });
  for (let i = 0; i < 3; i++) await expect(run()).rejects.toMatchObject({ code: "plan_limit" });
  expect(asked).toEqual([]);
  expect(rows().map((row) => row.charged.requests)).toEqual([0, 0, 0]);
});

test("answers out of the cache are no storm, and identical requests without it are", async () => {
  const env = { OCP_REPEAT_LIMIT: "1" };
  const cached = pipeline({ cache: hit }, says("Hello"), env);
  for (let i = 0; i < 10; i++) await cached.run();
  const { run, rows, key, store } = pipeline({}, says("Hello"), env);
  store.keys.setLimits(key.id, "requests", { daily: 2 });
  await run();
  await run();
  await expect(run()).rejects.toMatchObject({ code: "quota_exceeded" });
  expect(rows().map((row) => row.outcome)).toEqual(["ok", "ok", "quota_exceeded"]);
});

test("a turn that outlasts its client, for others who follow it, is the client's row when it has ended", async () => {
  const goesOn = Promise.withResolvers<void>();
  /** Runs the turn to its end, whoever listens. */
  const detached: Layer = (next) =>
    async function* (question, context) {
      const source = next(question, { ...context, signal: new AbortController().signal });
      try {
        yield (await source.next()).value as TurnEvent;
      } finally {
        void goesOn.promise.then(() => Array.fromAsync(source));
      }
    };
  const { turns, contextOf, rows, ended, key, store } = pipeline({ cache: detached });
  store.keys.setLimits(key.id, "requests", { daily: 1 });
  const client = new AbortController();
  const turn = turns.run(conversation, contextOf({ signal: client.signal }));
  await turn.next();
  client.abort();
  await turn.return();
  expect(rows()).toEqual([]);
  await expect(turns.run(conversation, contextOf()).next()).rejects.toMatchObject({ code: "quota_exceeded" });
  goesOn.resolve();
  await ended(2);
  expect(rows().find((row) => row.requestId === "req_1")).toMatchObject({
    outcome: "client_left",
    tokens: { input: 3, output: 2 },
    charged: { requests: 1, tokens: 5 },
  });
});

test.each<[string, number | undefined, number, number | null]>([
  ["its share, and told so", 8_000, 2_500, 2_500],
  ["what the client allows", 200, 200, null],
  ["its share, where the client says nothing", undefined, 2_500, 2_500],
])("an answer is held to %s", async (_what, wanted, sent, noted) => {
  const { run, asked, contextOf, key, store } = pipeline({});
  store.keys.setLimits(key.id, "tokens", { daily: 10_000 });
  const context = contextOf();
  const sampling = { stop: [], ...(wanted === undefined ? {} : { maxTokens: wanted }) };
  await run(context, { ...conversation, sampling });
  expect(asked[0]?.sampling.maxTokens).toBe(sent);
  expect(context.note.outputLimit).toBe(noted);
});

test("whoever has no key of its own has no quota", async () => {
  const { run, contextOf, rows, asked } = pipeline({});
  for (const id of ["admin", "anonymous", "local", "shared"]) {
    await run(contextOf({ principal: { id, name: id, role: "user", keyId: null } }));
  }
  expect(asked.map(({ sampling }) => sampling.maxTokens)).toEqual([undefined, undefined, undefined, undefined]);
  expect(rows().map((row) => row.name)).toEqual(["admin", "anonymous", "local", "shared"]);
});
