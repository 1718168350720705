/** What a session is judged by, without a session. */

import { describe, expect, test } from "bun:test";
import type { Disturbance } from "./disturbances.ts";
import { problemsAlone, problemsBeside } from "./judge.ts";
import type { Report } from "./report.ts";

const good: Report = {
  cost: 1_000,
  tokens: { read: 0, write: 500, fresh: 0 },
  answers: 10,
  upstream: 10,
  conversations: 2,
  processes: 2,
  refused: [],
  avoidableWrites: [],
  interruptions: 0,
  firstTokens: [],
  said: "",
};

describe("a session of Claude Code", () => {
  test("that costs what it costs directly is good, to a twentieth", () => {
    expect(problemsBeside(good, { ...good, cost: 1_050 }, "none")).toEqual([]);
  });

  test.each<[string, Partial<Report>, Disturbance, string]>([
    ["costs more", { cost: 1_051 }, "none", "It cost 1051 units, 1000 directly."],
    ["takes more answers", { answers: 11, upstream: 11 }, "none", "It took 11 answers, 10 directly."],
    ["asks upstream twice", { upstream: 11 }, "none", "10 answers took 11 upstream requests."],
    ["changes its process", { processes: 3 }, "none", "2 conversations took 3 processes."],
    [
      "brings thinking that is refused",
      { refused: ["request 4"] },
      "none",
      "The API refuses thinking of 1 requests: request 4",
    ],
    ["was not disturbed", {}, "killed", "The session was disturbed 0 times."],
  ])("that %s is not", (_, fault, disturbance, problem) => {
    expect(problemsBeside(good, { ...good, ...fault }, disturbance)).toEqual([problem]);
  });

  test("may take a process more for a conversation where memory is short", () => {
    expect(problemsBeside(good, { ...good, processes: 3, interruptions: 2 }, "short of memory")).toEqual([]);
  });
});

test("a session of another agent is judged by what it wrote to the cache, not by what it cost", () => {
  expect(problemsAlone({ ...good, cost: 1_000_000 }, "none")).toEqual([]);
  expect(problemsAlone({ ...good, avoidableWrites: ["request 5"] }, "none")).toEqual([
    "An avoidable write: request 5.",
  ]);
});
