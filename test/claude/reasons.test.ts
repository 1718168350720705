/** Why a turn did not go on in a process that held its conversation, and what each conversation has cost. */

import { describe, expect, test } from "bun:test";
import { createKeptAnswers } from "../../src/claude/kept-answers.ts";
import { noUsage, type Usage } from "../../src/core/turn.ts";
import { type Answered, drive, said, shared, text, user } from "./engine.ts";

const driven = shared();

const kinds = ["input", "cacheRead", "cacheWrite", "output"] as const;
const sumOf = (...turns: Answered[]) =>
  Object.fromEntries(kinds.map((kind) => [kind, turns.reduce((sum, { usage }) => sum + usage[kind], 0)]));

describe("a turn", () => {
  test("that begins a conversation is new, and the next one needs no reason", async () => {
    driven().script("One.", "Two.");
    const first = await driven().turn([user("hi")]);
    expect(first).toMatchObject({ path: "new", reason: "new" });
    const second = await driven().turn([user("hi"), said(first), user("again")]);
    expect(second).toMatchObject({ path: "live", reason: null });
  });

  test("with a history that nobody here has answered is unseen", async () => {
    driven().script("Two.");
    const foreign = { role: "assistant" as const, content: [text("I was said elsewhere.")] };
    const turn = await driven().turn([user("hello"), foreign, user("again")]);
    expect(turn).toMatchObject({ path: "resumed", reason: "unseen" });
  });
});

describe("a conversation", () => {
  test("tells the tokens of all its turns, and that nothing was rebuilt", async () => {
    driven().script("One.", "Two.");
    const first = await driven().turn([user("hi")]);
    const second = await driven().turn([user("hi"), said(first), user("again")]);
    const [session] = driven().engine.sessions();
    expect(session).toMatchObject({ turns: 2, reason: null, usage: sumOf(first, second), rebuilds: {} });
    expect(session?.usage.input).toBeGreaterThan(0);
  });

  test("tells how often its history was entered into another process, and why", async () => {
    driven().script("Two.");
    const foreign = { role: "assistant" as const, content: [text("I was said elsewhere.")] };
    await driven().turn([user("hello"), foreign, user("again")]);
    expect(driven().engine.sessions()).toMatchObject([{ rebuilds: { unseen: 1 } }]);
  });
});

test("no token is counted twice where a turn has figures at its start and at its end", async () => {
  driven().script("One.");
  const turn = await driven().turn([user("hi")]);
  const start = turn.events.find((event) => event.type === "start");
  const atStart: Usage = start?.type === "start" ? start.usage : noUsage;
  expect(atStart.input).toBeGreaterThan(0);
  expect(driven().engine.sessions()[0]?.usage.input).toBe(turn.usage.input);
});

test("nothing is forgotten where nothing is kept", async () => {
  const log = { info() {}, warn() {}, error() {} };
  const settings = { hours: () => 0, maxBytes: () => 0, disk: null, isGone: () => false, log, now: Date.now };
  await using forgetful = await drive("newest", { kept: createKeptAnswers(settings) });
  forgetful.script("One.");
  await forgetful.turn([user("hi")]);
  expect(forgetful.engine.clearSessions()).toEqual({ ended: 1, forgotten: 0 });
}, 30_000);
