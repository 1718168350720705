/** What is kept of a turn, and how it is told again. */

import { describe, expect, test } from "bun:test";
import { answerOf, parseAnswer, pieces, replayAnswer } from "../../src/core/cached-answer.ts";
import { type BlockStart, noUsage, type StopReason, type TurnEvent } from "../../src/core/turn.ts";

const start: TurnEvent = {
  type: "start",
  model: "claude-sonnet-5-5-20260101",
  usage: { ...noUsage, input: 7, cacheRead: 5, output: 1 },
  path: "live",
  reason: null,
  ignored: ["topK"],
};
const open = (index: number, block: BlockStart = { type: "text" }): TurnEvent => ({
  type: "block_start",
  index,
  block,
});
const text = (index: number, piece: string): TurnEvent => ({
  type: "delta",
  index,
  delta: { type: "text", text: piece },
});
const close = (index: number): TurnEvent => ({ type: "block_stop", index });
const end = (stop: StopReason = "end_turn", stopSequence: string | null = null): TurnEvent => ({
  type: "end",
  stop,
  stopSequence,
  usage: { ...noUsage, input: 7, cacheRead: 5, output: 20, thinking: 3 },
});

const thoughtful: TurnEvent[] = [
  start,
  open(0, { type: "thinking" }),
  { type: "delta", index: 0, delta: { type: "thinking", text: "Let me " } },
  { type: "delta", index: 0, delta: { type: "thinking", text: "see." } },
  { type: "delta", index: 0, delta: { type: "signature", signature: "c2lnbmVk" } },
  close(0),
  open(1, { type: "redacted_thinking", data: "c2VjcmV0" }),
  close(1),
  open(2),
  text(2, "Hel"),
  text(2, "lo."),
  close(2),
  end("stop_sequence", "END"),
];

describe("an answer that was kept", () => {
  const kept = parseAnswer(JSON.stringify(answerOf(thoughtful)));

  test("is told again with its thoughts, their signature, its end and its usage", () => {
    expect([...replayAnswer(kept!)]).toEqual([
      { ...start, path: "new" } as TurnEvent,
      open(0, { type: "thinking" }),
      { type: "delta", index: 0, delta: { type: "thinking", text: "Let me see." } },
      { type: "delta", index: 0, delta: { type: "signature", signature: "c2lnbmVk" } },
      close(0),
      open(1, { type: "redacted_thinking", data: "c2VjcmV0" }),
      close(1),
      open(2),
      text(2, "Hello."),
      close(2),
      end("stop_sequence", "END"),
    ]);
  });

  test("is told in small pieces", () => {
    const long = "word ".repeat(100);
    const told = [...replayAnswer(answerOf([start, open(0), text(0, long), close(0), end()])!)];
    const said = told.flatMap((event) =>
      event.type === "delta" && event.delta.type === "text" ? [event.delta.text] : [],
    );
    expect(said.join("")).toBe(long);
    expect(said).toHaveLength(7);
    expect(Math.max(...said.map((piece) => piece.length))).toBeLessThanOrEqual(80);
  });
});

const whole = [start, open(0), text(0, "Hi"), close(0)];

test.each<[string, TurnEvent[]]>([
  ["one that reached its limit", [...whole, end("max_tokens")]],
  ["one that filled the window", [...whole, end("model_context_window_exceeded")]],
  ["a refusal", [...whole, end("refusal")]],
  ["a call of a tool", [...whole, end("tool_use")]],
  ["one with a call in it", [...whole, open(1, { type: "tool_use", id: "t", name: "f" }), close(1), end()]],
  ["one that was cut", whole],
  ["one without a beginning", [...whole.slice(1), end()]],
  ["one whose block is still open", [...whole.slice(0, 3), end()]],
  ["one that goes on after its end", [...whole, end(), ...whole]],
  ["one whose blocks are out of order", [start, open(1), text(1, "Hi"), close(1), end()]],
  ["one whose piece belongs nowhere", [...whole, text(0, "!"), end()]],
  ["an empty one", [start, end()]],
  ["one of white space", [start, open(0), text(0, " \n"), close(0), end()]],
  ["one of thoughts alone", [start, open(0, { type: "thinking" }), close(0), end()]],
  ["nothing", []],
])("%s is not kept", (_name, events) => {
  expect(answerOf(events)).toBeNull();
});

const stored = JSON.parse(JSON.stringify(answerOf(thoughtful)));

test.each<[string, string]>([
  ["empty", ""],
  ["cut off", JSON.stringify(stored).slice(0, -10)],
  ["null", "null"],
  ["a list", "[]"],
  ["of another form", "{}"],
  ["without blocks", JSON.stringify({ ...stored, blocks: [] })],
  ["with an unknown block", JSON.stringify({ ...stored, blocks: [...stored.blocks, { type: "tool_use" }] })],
  ["with a block without text", JSON.stringify({ ...stored, blocks: [{ type: "text" }] })],
  ["with an unknown parameter", JSON.stringify({ ...stored, ignored: ["constructor"] })],
  ["with another end", JSON.stringify({ ...stored, stop: "max_tokens" })],
  ["without usage", JSON.stringify({ ...stored, usage: { start: stored.usage.start } })],
  ["with a usage that is no number", JSON.stringify({ ...stored, usage: { ...stored.usage, end: { input: "7" } } })],
  ["without a model", JSON.stringify({ ...stored, model: undefined })],
])("a row that is %s is none", (_name, row) => {
  expect(parseAnswer(row)).toBeNull();
});

test.each<[string, string, number]>([
  ["nothing", "", 0],
  ["80 letters", "a".repeat(80), 1],
  ["81 letters", "a".repeat(81), 2],
  ["80 emoji, each two code units", "😀".repeat(80), 1],
  ["families, each seven code points", "👨‍👩‍👧‍👦".repeat(30), 3],
  ["letters with their accents apart", "e\u0301".repeat(100), 3],
  ["flags", "🇩🇪".repeat(100), 3],
  ["line ends of two characters", `${"a".repeat(79)}\r\n${"b".repeat(78)}`, 2],
  ["one letter with a hundred accents", `e${"\u0301".repeat(200)}`, 3],
  ["halves of characters", `${"\ud83d".repeat(100)}`, 2],
])("%s", (_name, whole, count) => {
  const all = [...pieces(whole)];
  expect(all.join("")).toBe(whole);
  expect(all).toHaveLength(count);
  const characters = new Intl.Segmenter("en", { granularity: "grapheme" });
  const longest = Math.max(0, ...[...characters.segment(whole)].map(({ segment }) => segment.length));
  if (longest < 80) {
    const apart = all.flatMap((piece) => [...characters.segment(piece)].map(({ segment }) => segment));
    expect(apart).toEqual([...characters.segment(whole)].map(({ segment }) => segment));
  }
  for (const piece of all) expect([...piece].length).toBeLessThanOrEqual(80);
});
