/** A whole answer as the cache keeps it, whatever dialect asked for it, and its replay as the events of a turn. */

import type { RedactedThinkingBlock, Sampling, TextBlock, ThinkingBlock } from "./conversation.ts";
import { type BlockDelta, type BlockStart, noUsage, type StopReason, type TurnEvent, type Usage } from "./turn.ts";

export interface CachedAnswer {
  model: string;
  ignored: Array<keyof Sampling>;
  blocks: Block[];
  stop: StopReason;
  stopSequence: string | null;
  /** As the turn told it at its start and at its end. */
  usage: { start: Usage; end: Usage };
}

/** What `GET /cache/stats` says. */
export interface CacheStats {
  entries: number;
  totalHits: number;
  sizeBytes: number;
  /** Turns that may be followed now, and the clients that read them. */
  inflight: number;
  requesters: number;
  /** Ms; 0: off. */
  ttl: number;
  maxBytes: number;
}

type Block = TextBlock | ThinkingBlock | RedactedThinkingBlock;

/** Ends at which an answer says all that the model wanted to say. */
const complete: ReadonlySet<unknown> = new Set<StopReason>(["end_turn", "stop_sequence"]);

const parameters: ReadonlySet<unknown> = new Set(
  Object.keys({
    maxTokens: 0,
    temperature: 0,
    topP: 0,
    topK: 0,
    stop: 0,
    effort: 0,
    thinkingBudget: 0,
  } satisfies Record<keyof Sampling, 0>),
);

/** What the events of a turn come to; null unless they are one complete answer that says something. */
export function answerOf(events: readonly TurnEvent[]): CachedAnswer | null {
  const [start, ...rest] = events;
  const end = rest.pop();
  if (start?.type !== "start" || end?.type !== "end" || !complete.has(end.stop)) return null;
  const blocks: Block[] = [];
  let open: Block | null = null;
  for (const event of rest) {
    if (event.type === "block_start") {
      if (open !== null || event.index !== blocks.length || event.block.type === "tool_use") return null;
      open = emptyBlock(event.block);
      blocks.push(open);
      continue;
    }
    if (event.type === "start" || event.type === "end" || open === null || event.index !== blocks.length - 1)
      return null;
    if (event.type === "block_stop") open = null;
    else if (!extend(open, event.delta)) return null;
  }
  if (open !== null || !saysSomething(blocks)) return null;
  const { model, ignored } = start;
  const { stop, stopSequence } = end;
  return { model, ignored, blocks, stop, stopSequence, usage: { start: start.usage, end: end.usage } };
}

function emptyBlock(block: Exclude<BlockStart, { type: "tool_use" }>): Block {
  switch (block.type) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "redacted_thinking":
      return { type: "redacted_thinking", data: block.data };
  }
}

/** False when such a delta cannot be of such a block. */
function extend(block: Block, delta: BlockDelta): boolean {
  if (block.type === "text" && delta.type === "text") block.text += delta.text;
  else if (block.type === "thinking" && delta.type === "thinking") block.thinking += delta.text;
  else if (block.type === "thinking" && delta.type === "signature") block.signature = delta.signature;
  else return false;
  return true;
}

function saysSomething(blocks: readonly Block[]): boolean {
  return blocks.some((block) => block.type === "text" && block.text.trim() !== "");
}

/** Null when the text is not what JSON.stringify makes of an answer: nothing damaged is replayed. */
export function parseAnswer(text: string): CachedAnswer | null {
  try {
    const value: unknown = JSON.parse(text);
    return isAnswer(value) ? value : null;
  } catch {
    return null;
  }
}

function isAnswer(value: unknown): value is CachedAnswer {
  if (!isRecord(value) || !isRecord(value.usage)) return false;
  const { model, ignored, blocks, stop, stopSequence, usage } = value;
  return (
    typeof model === "string" &&
    Array.isArray(ignored) &&
    ignored.every((name) => parameters.has(name)) &&
    Array.isArray(blocks) &&
    blocks.every(isBlock) &&
    saysSomething(blocks) &&
    complete.has(stop) &&
    (stopSequence === null || typeof stopSequence === "string") &&
    isUsage(usage.start) &&
    isUsage(usage.end)
  );
}

function isBlock(value: unknown): value is Block {
  if (!isRecord(value)) return false;
  switch (value.type) {
    case "text":
      return typeof value.text === "string";
    case "thinking":
      return typeof value.thinking === "string" && typeof value.signature === "string";
    case "redacted_thinking":
      return typeof value.data === "string";
    default:
      return false;
  }
}

function isUsage(value: unknown): value is Usage {
  return isRecord(value) && Object.keys(noUsage).every((kind) => Number.isSafeInteger(value[kind]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * The answer again, in small pieces. Its usage is that of the time when it was made, though nothing is spent now:
 * clients read from it how full the model's window is, and a zero would tell them wrong.
 */
export function* replayAnswer(answer: CachedAnswer): Generator<TurnEvent, void, void> {
  const { model, ignored, blocks, stop, stopSequence, usage } = answer;
  yield { type: "start", model, usage: usage.start, path: "new", reason: null, ignored };
  for (const [index, block] of blocks.entries()) {
    yield { type: "block_start", index, block: opening(block) };
    for (const delta of deltas(block)) yield { type: "delta", index, delta };
    yield { type: "block_stop", index };
  }
  yield { type: "end", stop, stopSequence, usage: usage.end };
}

function opening(block: Block): BlockStart {
  return block.type === "redacted_thinking" ? { type: block.type, data: block.data } : { type: block.type };
}

function* deltas(block: Block): Generator<BlockDelta, void, void> {
  if (block.type === "text") {
    for (const text of pieces(block.text)) yield { type: "text", text };
  } else if (block.type === "thinking") {
    for (const text of pieces(block.thinking)) yield { type: "thinking", text };
    if (block.signature !== "") yield { type: "signature", signature: block.signature };
  }
}

/** Code points of a piece, at most. */
const pieceLength = 80;

/** Cuts between characters as people see them; only one that is longer than a piece is itself cut. */
export function* pieces(text: string): Generator<string, void, void> {
  const characters = new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text);
  for (let from = 0; from < text.length; ) {
    let to = from;
    for (let count = 0; count < pieceLength && to < text.length; count++) {
      to += (text.codePointAt(to) as number) > 0xffff ? 2 : 1;
    }
    const character = characters.containing(to);
    if (character && character.index > from) to = character.index;
    yield text.slice(from, to);
    from = to;
  }
}
