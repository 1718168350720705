/** Makes a script into the one message that the request gets: cut where the request's own limits cut it. */

import type { StopReason, Usage } from "../core/turn.ts";
import { estimateTokens, type MessagesBody } from "./request.ts";
import { type AnswerScript, type Chunks, type ScriptBlock, wordChunks } from "./script.ts";

/** A block of the answer; each of `chunks` is sent as one delta. */
export type AnswerBlock =
  | { type: "text"; chunks: string[] }
  | { type: "thinking"; chunks: string[]; signature: string }
  | { type: "redacted_thinking"; chunks: string[]; data: string }
  | { type: "tool_use"; chunks: string[]; id: string; name: string };

export interface Answer {
  id: string;
  model: string;
  blocks: AnswerBlock[];
  stop: StopReason;
  stopSequence: string | null;
  usage: Usage;
}

/** `newId`: a fresh id with that prefix. */
export function composeAnswer(script: AnswerScript, body: MessagesBody, newId: (prefix: string) => string): Answer {
  const whole = script.blocks.map((block) => toBlock(block, newId));
  const stopped = cutAtSequence(whole, body.stop_sequences ?? []);
  // An estimate throughout: four characters are one token.
  const limited = cutAtLength(stopped.blocks, (body.max_tokens ?? Number.POSITIVE_INFINITY) * 4);
  const called = whole.some((block) => block.type === "tool_use");

  let stop = script.stop ?? (called ? "tool_use" : "end_turn");
  let stopSequence = script.stopSequence ?? null;
  if (limited.cut) [stop, stopSequence] = ["max_tokens", null];
  else if (stopped.sequence !== null) [stop, stopSequence] = ["stop_sequence", stopped.sequence];

  const usage = estimateUsage(limited.blocks, body);
  return {
    id: newId("msg_"),
    model: script.model ?? body.model,
    blocks: limited.blocks,
    stop,
    stopSequence,
    usage: { ...usage, ...script.usage },
  };
}

function toBlock(block: ScriptBlock, newId: (prefix: string) => string): AnswerBlock {
  if (typeof block === "string") return { type: "text", chunks: toChunks(block) };
  switch (block.type) {
    case "text":
      return { type: "text", chunks: toChunks(block.text) };
    case "thinking":
      return { type: "thinking", chunks: toChunks(block.thinking), signature: block.signature ?? "c2ltdWxhdGVk" };
    case "redacted_thinking":
      return { type: "redacted_thinking", chunks: [], data: block.data };
    case "tool_use": {
      const chunks = Array.isArray(block.input) ? block.input : [JSON.stringify(block.input)];
      return { type: "tool_use", chunks, id: block.id ?? newId("toolu_"), name: block.name };
    }
  }
}

function toChunks(text: Chunks): string[] {
  return Array.isArray(text) ? text : wordChunks(text);
}

/** The blocks up to where a text first holds one of the sequences. */
function cutAtSequence(blocks: AnswerBlock[], sequences: string[]) {
  for (const [index, block] of blocks.entries()) {
    if (block.type !== "text") continue;
    const text = block.chunks.join("");
    let first: { at: number; sequence: string } | undefined;
    for (const sequence of sequences) {
      const at = text.indexOf(sequence);
      if (at !== -1 && (!first || at < first.at)) first = { at, sequence };
    }
    if (first) return { blocks: [...blocks.slice(0, index), shorten(block, first.at)], sequence: first.sequence };
  }
  return { blocks, sequence: null };
}

function cutAtLength(blocks: AnswerBlock[], characters: number) {
  let left = characters;
  for (const [index, block] of blocks.entries()) {
    const length = lengthOf(block);
    if (length > left) return { blocks: [...blocks.slice(0, index), shorten(block, left)], cut: true };
    left -= length;
  }
  return { blocks, cut: false };
}

function shorten<Block extends AnswerBlock>(block: Block, characters: number): Block {
  const chunks: string[] = [];
  let left = characters;
  for (const chunk of block.chunks) {
    if (left <= 0) break;
    chunks.push(chunk.slice(0, left));
    left -= chunk.length;
  }
  return { ...block, chunks };
}

function lengthOf(block: AnswerBlock): number {
  return block.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function estimateUsage(blocks: AnswerBlock[], body: MessagesBody): Usage {
  const tokens = (some: AnswerBlock[]) => Math.ceil(some.reduce((sum, block) => sum + lengthOf(block), 0) / 4);
  return {
    input: estimateTokens(body),
    cacheRead: 0,
    cacheWrite: 0,
    output: Math.max(1, tokens(blocks)),
    thinking: tokens(blocks.filter((block) => block.type === "thinking")),
  };
}
