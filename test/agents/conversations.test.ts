/** How a client's requests are told apart, and what each has to write to the cache. */

import { describe, expect, test } from "bun:test";
import type { TappedRequest } from "../harness/tap.ts";
import { countConversations, ownWrites } from "./conversations.ts";

const said = (...texts: string[]) =>
  texts.map((content, at) => ({ role: at % 2 === 0 ? "user" : "assistant", content }));

function asks(body: Record<string, unknown>, more: Partial<TappedRequest> = {}): TappedRequest {
  const whole = { model: "claude-sonnet-5-5", ...body };
  return { method: "POST", path: "/v1/messages", body: whole, status: 200, firstToken: 1, epoch: 0, ...more };
}

describe("the conversations of a client", () => {
  test.each<[string, TappedRequest[], number]>([
    ["one that goes on", [asks({ messages: said("a") }), asks({ messages: said("a", "b", "c") })], 1],
    ["two that begin alike", [asks({ messages: said("a", "b", "c") }), asks({ messages: said("a", "b", "d") })], 2],
    ["another system prompt", [asks({ messages: said("a") }), asks({ messages: said("a", "b", "c"), system: "x" })], 2],
    ["a summary of all, and then the next turn", ["s", "t"].map((end) => asks({ messages: said("a", "b", end) })), 2],
    ["a new server", [asks({ messages: said("a") }), asks({ messages: said("a", "b", "c") }, { epoch: 1 })], 2],
    ["one in the form of responses", [asks({ input: said("a") }), asks({ input: said("a", "b", "c") })], 1],
    ["one that was refused", [asks({ messages: said("a") }), asks({ messages: said("b") }, { status: 400 })], 1],
    ["a count of tokens", [asks({ messages: said("a") }, { path: "/v1/messages/count_tokens" })], 0],
  ])("%s", (_, requests, count) => {
    expect(countConversations(requests)).toBe(count);
  });

  test("a mark that moves, a text that becomes a block and another billing line change nothing", () => {
    const mark = { cache_control: { type: "ephemeral" } };
    const billing = (version: string) => [{ type: "text", text: `x-anthropic-billing-header: ${version}` }];
    const first = asks({
      system: billing("1"),
      messages: [{ role: "user", content: [{ type: "text", text: "a", ...mark }] }],
    });
    const second = asks({ system: billing("2"), messages: said("a", "b", "c") });
    expect(countConversations([first, second])).toBe(1);
  });
});

describe("the writes of a client's own prompt", () => {
  const long = "word ".repeat(400);

  test("are what is new while it goes on, and all again behind a change", () => {
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = ownWrites([
      asks({ messages: said(long) }),
      asks({ messages: said(long, "b", "c") }),
      asks({ messages: said(long, "b", "c") }),
      asks({ messages: said(`${long}!`, "b", "c") }),
      asks({ messages: said(`${long}!`, "b", "c", "d", "e") }),
    ]);
    expect(first).toBeGreaterThan(500);
    expect(second).toBeWithin(10, 60);
    expect(third).toBe(0);
    expect(fourth).toBeGreaterThan(500);
    expect(fifth).toBeWithin(10, 60);
  });

  test("grow where it moves something to the end with each request", () => {
    const moving = [1, 3, 5].map((count) =>
      asks({ messages: [...said(...Array(count).fill(long)), { role: "user", content: "state" }] }),
    );
    const [first = 0, second = 0, third = 0] = ownWrites(moving);
    expect(second).toBeGreaterThan(first + 500);
    expect(third).toBeGreaterThan(second + 500);
  });
});
