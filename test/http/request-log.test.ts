/** The log's lines of requests that are refused again and again. */

import { expect, test } from "bun:test";
import { createRequestLog, type RequestLine } from "../../src/server/request-log.ts";
import { hello, serve } from "./served.ts";

const line = (change: Partial<RequestLine> = {}): RequestLine => ({
  requestId: "req_1",
  method: "POST",
  path: "/v1/messages",
  status: 429,
  ms: 1,
  principal: "laptop",
  address: "192.0.2.7",
  model: null,
  outcome: "quota_exceeded",
  process: null,
  reason: null,
  ...change,
});

function logged(each?: number) {
  const lines: Array<{ message: string; fields: Record<string, unknown> }> = [];
  const add = (message: string, fields: Record<string, unknown> = {}) => void lines.push({ message, fields });
  let now = 0;
  const options = {
    log: { info: add, warn: add, error: add },
    now: () => now,
    ...(each === undefined ? {} : { each }),
  };
  return {
    write: createRequestLog(options),
    lines,
    pass(ms: number) {
      now += ms;
    },
  };
}

test("who is refused again and again gets the first lines of a minute, and then how many more there were", () => {
  const { write, lines, pass } = logged(3);
  for (let at = 0; at < 10; at++) write(line());
  write(line({ principal: null, outcome: "invalid_api_key" }));
  write(line({ principal: "phone" }));
  for (let at = 0; at < 5; at++) write(line({ status: 200, outcome: "ok" }));
  expect(lines.map(({ message }) => message)).toEqual(Array(10).fill("request"));
  pass(60_000);
  write(line());
  expect(lines.slice(10)).toMatchObject([
    { message: "more requests were refused", fields: { principal: "laptop", outcome: "quota_exceeded", count: 7 } },
    { message: "request" },
  ]);
});

test("callers without end share the last lines", () => {
  const { write, lines } = logged(1);
  for (let at = 0; at < 2_000; at++) write(line({ principal: null, address: `2001:db8::${at.toString(16)}` }));
  expect(lines.length).toBeLessThan(600);
});

test("a server writes few lines of a hundred refusals, and every one of an answer", async () => {
  const served = serve({ env: { OCP_REPEAT_LIMIT: "0" } });
  for (let at = 0; at < 100; at++) await served.send("/v1/nothing");
  for (let at = 0; at < 100; at++) await (await served.chat(hello)).text();
  const outcomes = served.requests().map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === "not_found").length).toBeLessThan(50);
  expect(outcomes.filter((outcome) => outcome === "ok")).toHaveLength(100);
});
