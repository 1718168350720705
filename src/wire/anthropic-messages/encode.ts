/** A turn's events as Anthropic's message: its server-sent events, or one object. */

import { parseBounded } from "../../core/json-bounds.ts";
import type { BlockDelta, BlockStart, StopReason, TurnEvent, Usage } from "../../core/turn.ts";
import { asOcpError, cutOff } from "../break-off.ts";
import { renderAnthropicError } from "./errors.ts";

export interface MessageMeta {
  /** `msg_` and letters and digits. */
  id: string;
  /** For error events. */
  requestId: string;
}

export interface MessageUsage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
  output_tokens_details: { thinking_tokens: number };
}

export type ContentBlock =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "redacted_thinking"; data: string }
  | { type: "tool_use"; id: string; name: string; input: Record<string, unknown> };

export interface MessageObject {
  id: string;
  type: "message";
  role: "assistant";
  /** The model that answers, as the vendor's API says it, not the alias that the client may have sent. */
  model: string;
  content: ContentBlock[];
  stop_reason: StopReason | null;
  stop_sequence: string | null;
  usage: MessageUsage;
}

/**
 * The frames of a streamed answer, each with its closing blank line. When the turn fails, an `error` event ends the
 * stream, without the `message_stop` that would say that the answer is complete.
 */
export async function* encodeMessageStream(
  events: AsyncIterable<TurnEvent>,
  meta: MessageMeta,
): AsyncGenerator<string> {
  let finished = false;
  try {
    for await (const event of events) {
      switch (event.type) {
        case "start":
          yield frame("message_start", { message: opened(event, meta) }) + frame("ping", {});
          break;
        case "block_start":
          yield frame("content_block_start", { index: event.index, content_block: emptyBlock(event.block) });
          break;
        case "delta": {
          const delta = encodeDelta(event.delta);
          if (delta !== "") yield `${deltaHead}${event.index},"delta":${delta}}\n\n`;
          break;
        }
        case "block_stop":
          yield frame("content_block_stop", { index: event.index });
          break;
        case "end": {
          finished = true;
          const delta = { stop_reason: event.stop, stop_sequence: event.stopSequence };
          yield frame("message_delta", { delta, usage: toMessageUsage(event.usage) }) + frame("message_stop", {});
          break;
        }
      }
    }
    if (!finished) throw cutOff();
  } catch (error) {
    if (finished) throw error;
    yield `event: error\ndata: ${JSON.stringify(renderAnthropicError(asOcpError(error), meta.requestId))}\n\n`;
  }
}

/** The whole answer. Throws what the turn throws, and OcpError `upstream_failed` if it ends without its `end`. */
export async function collectMessage(events: AsyncIterable<TurnEvent>, meta: MessageMeta): Promise<MessageObject> {
  let message: MessageObject | null = null;
  let json = "";
  for await (const event of events) {
    if (event.type === "start") {
      message = opened(event, meta);
      continue;
    }
    if (message === null) break;
    const block = message.content.at(-1);
    switch (event.type) {
      case "block_start":
        json = "";
        message.content.push(emptyBlock(event.block));
        break;
      case "delta":
        if (event.delta.type === "input_json") json += event.delta.json;
        else if (block) extend(block, event.delta);
        break;
      case "block_stop":
        if (block?.type === "tool_use") block.input = parseInput(json);
        break;
      case "end":
        message.stop_reason = event.stop;
        message.stop_sequence = event.stopSequence;
        message.usage = toMessageUsage(event.usage);
        break;
    }
  }
  if (message === null || message.stop_reason === null) throw cutOff();
  return message;
}

function frame(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

/** Deltas are nearly all that is sent, so their frames are put together by hand. */
const deltaHead = `event: content_block_delta\ndata: {"type":"content_block_delta","index":`;

/** "" for a delta that says nothing. */
function encodeDelta(delta: BlockDelta): string {
  switch (delta.type) {
    case "text":
      return delta.text && `{"type":"text_delta","text":${JSON.stringify(delta.text)}}`;
    case "thinking":
      return delta.text && `{"type":"thinking_delta","thinking":${JSON.stringify(delta.text)}}`;
    case "signature":
      return `{"type":"signature_delta","signature":${JSON.stringify(delta.signature)}}`;
    case "input_json":
      return delta.json && `{"type":"input_json_delta","partial_json":${JSON.stringify(delta.json)}}`;
  }
}

function opened({ model, usage }: Extract<TurnEvent, { type: "start" }>, { id }: MessageMeta): MessageObject {
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: toMessageUsage(usage),
  };
}

function emptyBlock(block: BlockStart): ContentBlock {
  switch (block.type) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "redacted_thinking":
      return { type: "redacted_thinking", data: block.data };
    case "tool_use":
      return { type: "tool_use", id: block.id, name: block.name, input: {} };
  }
}

function extend(block: ContentBlock, delta: BlockDelta): void {
  if (delta.type === "text" && block.type === "text") block.text += delta.text;
  else if (delta.type === "thinking" && block.type === "thinking") block.thinking += delta.text;
  else if (delta.type === "signature" && block.type === "thinking") block.signature = delta.signature;
}

/**
 * An answer that reached its limit of tokens may end within a call's JSON: then nobody can run the call. Nor can
 * anybody run one whose arguments nest deeper than a request may, and the answer that holds it is paid for.
 */
function parseInput(json: string): Record<string, unknown> {
  const input = parseBounded(json);
  return typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
}

function toMessageUsage(usage: Usage): MessageUsage {
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.thinking },
  };
}
