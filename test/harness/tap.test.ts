/** The tap: what it passes on, what it keeps, and how what is behind it is replaced. */

import { expect, test } from "bun:test";
import { startSimulator } from "../../src/demo/simulator.ts";
import { isAsking, startTap } from "./tap.ts";

const body = JSON.stringify({
  model: "claude-sonnet-5-5",
  max_tokens: 9,
  stream: true,
  messages: [{ role: "user", content: "hi" }],
});
const ask = (url: string) =>
  fetch(`${url}/v1/messages?beta=true`, { method: "POST", headers: { "x-api-key": "k" }, body });

test("it passes requests and streams on, and keeps what was asked and when the answer began", async () => {
  await using simulator = startSimulator({ scenario: () => ({ blocks: ["Hello there"] }) });
  await using tap = startTap(simulator.url);
  const response = await ask(tap.url);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(await response.text()).toContain("message_stop");
  expect(simulator.requests[0]).toMatchObject({
    query: "?beta=true",
    body: JSON.parse(body),
    headers: { "x-api-key": "k" },
  });
  const [kept] = tap.requests;
  expect(kept).toMatchObject({ path: "/v1/messages", status: 200, epoch: 0, body: JSON.parse(body) });
  expect(kept?.firstToken).toBeGreaterThan(0);
  expect(isAsking(kept!)).toBe(true);
});

test("an error has a status and no first token", async () => {
  await using simulator = startSimulator({ scenario: () => ({ status: 529 }) });
  await using tap = startTap(simulator.url);
  expect((await ask(tap.url)).status).toBe(529);
  expect((await fetch(`${tap.url}/elsewhere`)).status).toBe(404);
  expect(tap.requests.map(({ status, firstToken }) => [status, firstToken])).toEqual([
    [529, null],
    [404, null],
  ]);
  expect(tap.requests.map(isAsking)).toEqual([true, false]);
});

test("what is behind it can be replaced between two requests, once the one before has been answered", async () => {
  await using first = startSimulator({ scenario: () => ({ blocks: ["one ", "two "], paceMs: 20 }) });
  await using second = startSimulator({ scenario: () => ({ blocks: ["new"] }) });
  const order: string[] = [];
  await using tap = startTap(first.url, {
    async before() {
      if (tap.requests.length < 2) return;
      await tap.idle();
      order.push("idle");
      tap.pointTo(second.url);
      tap.nextEpoch();
    },
  });
  const early = ask(tap.url).then(async (response) => {
    const text = await response.text();
    order.push("answered");
    return text;
  });
  await first.message(1);
  const late = await (await ask(tap.url)).text();
  expect(await early).toContain("two ");
  expect(late).toContain("new");
  expect(order).toContainValues(["idle", "answered"]);
  expect(first.requests).toHaveLength(1);
  expect(tap.requests.map(({ epoch }) => epoch)).toEqual([0, 1]);
});
