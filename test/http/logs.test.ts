/** `GET /logs`: how it is asked, who may, and the stream of what comes. */

import { describe, expect, test } from "bun:test";
import type { LogEntry, LogReader } from "../../src/core/logs.ts";
import { errorOf, serve } from "./served.ts";

const entry = (message: string): LogEntry => ({ time: "2026-01-02T03:04:05.000Z", level: "info", message });

function open(env: Record<string, string> = {}) {
  const asked: unknown[] = [];
  const more = { push: (_: LogEntry) => {} };
  const logs: LogReader = {
    async tail(...args) {
      asked.push(args);
      return [entry("one"), entry("two")];
    },
    async *follow(count, filter, signal) {
      asked.push([count, filter, "follows"]);
      yield entry("old");
      while (!signal.aborted) {
        const next = await new Promise<LogEntry | null>((resolve) => {
          more.push = resolve;
          signal.addEventListener("abort", () => resolve(null), { once: true });
        });
        if (next) yield next;
      }
      asked.push("ended");
    },
  };
  const served = serve({ env, logs });
  const server = served.listen();
  return { ...served, ...server, asked, more };
}

test("answers with the entries, and what was asked", async () => {
  await using server = open();
  expect(await (await fetch(`${server.url}/logs`)).json()).toEqual({
    count: 2,
    level: "all",
    entries: [entry("one"), entry("two")],
  });
  expect(await (await fetch(`${server.url}/logs?n=200&level=warn`)).json()).toMatchObject({ level: "warn" });
  expect(server.asked).toEqual([
    [30, "all"],
    [200, "warn"],
  ]);
});

test.each([
  ["n=0", "n"],
  ["n=201", "n"],
  ["n=-1", "n"],
  ["n=5.0", "n"],
  ["n=abc", "n"],
  ["n=", "n"],
  ["n=%", "n"],
  ["n=1e2", "n"],
  ["n=5&n=6", "n"],
  ["level=debug", "level"],
  ["level=", "level"],
  ["level=ERROR", "level"],
  ["level=all&level=all", "level"],
  ["follow=yes", "follow"],
])("?%s is 400 and names the parameter", async (query, param) => {
  await using server = open();
  const response = await fetch(`${server.url}/logs?${query}`);
  expect(response.status).toBe(400);
  expect(await errorOf(response)).toMatchObject({ type: "invalid_request_error", param });
  expect(server.asked).toEqual([]);
});

describe("a stream", () => {
  const frames = async (response: Response, until: string) => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes(until)) break;
    }
    return [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json as string).message);
  };

  test.each([
    ["follow=1", "?n=5&follow=1", {}],
    ["its accept header", "?n=5", { accept: "text/event-stream" }],
  ])("is asked for by %s, and ends with its client", async (_, query, headers) => {
    await using server = open();
    const leave = new AbortController();
    const response = await fetch(`${server.url}/logs${query}`, { headers, signal: leave.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reading = frames(response, "new");
    while (server.asked.length === 0) await Bun.sleep(1);
    server.more.push(entry("new"));
    expect(await reading).toEqual(["old", "new"]);
    leave.abort();
    while (server.asked.length === 1) await Bun.sleep(1);
    expect(server.asked).toEqual([[5, "all", "follows"], "ended"]);
    while (server.requests().length === 0) await Bun.sleep(1);
    expect(server.requests()).toEqual([expect.objectContaining({ path: "/logs", outcome: "client_left" })]);
  });

  test("does not hold a server that stops", async () => {
    const server = open();
    const response = await fetch(`${server.url}/logs?follow=1`);
    const stopped = server.stop(60_000);
    await frames(response, "never");
    await stopped;
    expect(server.asked).toEqual([[30, "all", "follows"], "ended"]);
  });
});

test("is the owner's alone", async () => {
  await using server = open({ PROXY_API_KEY: "open-sesame" });
  for (const query of ["", "?follow=1", "?n=abc"]) {
    const response = await fetch(`${server.url}/logs${query}`, { headers: { authorization: "Bearer open-sesame" } });
    expect(response.status).toBe(403);
  }
  expect(server.asked).toEqual([]);
});
