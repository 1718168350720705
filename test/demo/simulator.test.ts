/** What the simulated API records, its other routes, and its life. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { ask, breaks, post, replyOf } from "./ask.ts";

const simulator = startSimulator({ scenario: () => ({ blocks: ["first scenario"] }) });
afterEach(() => simulator.reset());
afterAll(() => simulator.stop());

test("it records what came in, as it came", async () => {
  const before = Date.now();
  await ask(simulator, "grüße", { extra: [1] });
  const [request] = simulator.requests;
  expect(request).toMatchObject({
    number: 1,
    method: "POST",
    path: "/v1/messages",
    query: "?beta=true",
    body: { messages: [{ role: "user", content: "grüße" }], extra: [1] },
    aborted: false,
  });
  expect(request?.bytes).toBe(Buffer.byteLength(JSON.stringify(request?.body)));
  expect(request?.headers.authorization).toBe("Bearer sk-ant-oat01-test");
  expect(request?.at).toBeWithin(before, Date.now() + 1);
  expect(await request?.ended).toBe("answered");
});

test("message(n) is the nth request for a message, before and after it came", async () => {
  const second = simulator.message(2);
  await fetch(simulator.url, { method: "HEAD" });
  await ask(simulator, "one");
  await ask(simulator, "two");
  expect((await second).body?.messages[0]?.content).toBe("two");
  expect((await simulator.message(1)).body?.messages[0]?.content).toBe("one");
  expect(simulator.requests.map(({ method, number }) => `${method} ${number}`)).toEqual(["HEAD 1", "POST 1", "POST 2"]);
});

test("reset forgets requests, counts and the scenario that was played", async () => {
  simulator.play(({ number }) => ({ blocks: [`played ${number}`] }));
  await ask(simulator, "hi");
  expect((await replyOf(ask(simulator, "hi"))).content[0].text).toBe("played 2");
  simulator.reset();
  expect(simulator.requests).toEqual([]);
  expect((await replyOf(ask(simulator, "hi"))).content[0].text).toBe("first scenario");
  expect(simulator.requests[0]?.number).toBe(1);
});

test("an answer waits for its scenario, and a client that leaves meanwhile is seen", async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  simulator.play(() => promise);
  const client = new AbortController();
  const answer = ask(simulator, "hi", {}, { signal: client.signal });
  const received = await simulator.message(1);
  client.abort();
  expect(await breaks(answer)).toBe(true);
  expect(await received.ended).toBe("aborted");
  resolve(undefined);
});

test("a delay comes before the headers, and ends when the client leaves", async () => {
  simulator.play(({ number }) => ({ blocks: ["late"], delayMs: number === 1 ? 100 : 1_000_000 }));
  const started = performance.now();
  await ask(simulator, "hi", { stream: true });
  expect(performance.now() - started).toBeGreaterThanOrEqual(99);

  const client = new AbortController();
  const answer = ask(simulator, "hi", {}, { signal: client.signal });
  const received = await simulator.message(2);
  client.abort();
  expect(await breaks(answer)).toBe(true);
  expect(await received.ended).toBe("aborted");
});

test("a scenario that throws is an error 500, and the next request is answered", async () => {
  simulator.play(({ number }) => {
    if (number === 1) throw new Error("wrong scenario");
    return undefined;
  });
  const failed = await ask(simulator, "hi");
  expect(failed.status).toBe(500);
  expect((await replyOf(failed)).error.message).toContain("wrong scenario");
  expect((await ask(simulator, "hi")).status).toBe(200);
});

test("tokens are counted without an answer", async () => {
  const messages = [{ role: "user", content: "x".repeat(400) }];
  const count = (body: object) => post(simulator, body, {}, "/v1/messages/count_tokens?beta=true");
  expect((await replyOf(count({ model: "claude-sonnet-5-5", messages }))).input_tokens).toBe(101);
  simulator.play(() => ({ status: 404 }));
  expect((await count({ model: "claude-sonnet-5-5", messages })).status).toBe(404);
});

test.each([
  ["HEAD", "/", 200],
  ["HEAD", "/api/hello", 200],
  ["GET", "/api/hello", 200],
  ["GET", "/", 404],
  ["GET", "/v1/messages", 404],
  ["POST", "/v1/complete", 404],
])("%s %s answers %d", async (method, path, status) => {
  const response = await fetch(simulator.url + path, { method });
  expect(response.status).toBe(status);
  if (status === 404) expect((await replyOf(response)).error.type).toBe("not_found_error");
});

test("it keeps no more requests than asked, and listens on loopback only", async () => {
  await using small = startSimulator({ keep: 1 });
  await ask(small, "one");
  await ask(small, "two");
  expect(small.requests.map(({ body }) => body?.messages[0]?.content)).toEqual(["two"]);
  expect(new URL(small.url).hostname).toBe("127.0.0.1");
});

test("stop cuts what still runs, and frees the port", async () => {
  const stalling = startSimulator({ scenario: () => ({ blocks: ["x"], fault: { kind: "stall", after: 1 } }) });
  const response = await ask(stalling, "hi", { stream: true });
  await stalling.stop();
  expect(await breaks(response.text())).toBe(true);
  await using again = startSimulator({ port: Number(new URL(stalling.url).port) });
  expect(again.url).toBe(stalling.url);
});
