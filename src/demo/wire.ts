/** An answer in the API's two forms: server-sent events, and one JSON message. */

import type { Usage } from "../core/turn.ts";
import type { Answer, AnswerBlock } from "./answer.ts";

/** The frames of an answer, grouped by the deltas that carry them: what opens or closes a block goes with a delta. */
export interface Frames {
  start: string;
  deltas: string[];
  /** The end of the last block, the `message_delta`, and the `message_stop`. */
  end: [string, string, string];
}

export function frame(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

export function toFrames(answer: Answer): Frames {
  const deltas: string[] = [];
  let pending = "";
  for (const [index, block] of answer.blocks.entries()) {
    pending += frame("content_block_start", { index, content_block: opened(block) });
    for (const chunk of block.chunks) {
      deltas.push(pending + frame("content_block_delta", { index, delta: delta(block, chunk) }));
      pending = "";
    }
    if (block.type === "thinking") {
      const signature = { type: "signature_delta", signature: block.signature };
      pending += frame("content_block_delta", { index, delta: signature });
    }
    pending += frame("content_block_stop", { index });
  }
  const end = { stop_reason: answer.stop, stop_sequence: answer.stopSequence };
  return {
    start: frame("message_start", { message: startedMessage(answer) }) + frame("ping", {}),
    deltas,
    end: [pending, frame("message_delta", { delta: end, usage: deltaUsage(answer.usage) }), frame("message_stop", {})],
  };
}

/** The body of an answer to a request that does not stream. */
export function toMessage(answer: Answer): object {
  return {
    ...startedMessage(answer),
    content: answer.blocks.map(closed),
    stop_reason: answer.stop,
    stop_sequence: answer.stopSequence,
    usage: messageUsage(answer.usage),
  };
}

function startedMessage(answer: Answer): object {
  return {
    id: answer.id,
    type: "message",
    role: "assistant",
    model: answer.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: messageUsage({ ...answer.usage, output: 1, thinking: 0 }),
  };
}

/** Field names as the API reports them (Messages reference, `Usage`); thinking is part of the output. */
function messageUsage(usage: Usage): object {
  return {
    ...deltaUsage(usage),
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: usage.cacheWrite },
    service_tier: "standard",
  };
}

function deltaUsage(usage: Usage): object {
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.thinking },
  };
}

function opened(block: AnswerBlock): object {
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

function delta(block: AnswerBlock, chunk: string): object {
  switch (block.type) {
    case "text":
      return { type: "text_delta", text: chunk };
    case "thinking":
      return { type: "thinking_delta", thinking: chunk };
    default:
      return { type: "input_json_delta", partial_json: chunk };
  }
}

function closed(block: AnswerBlock): object {
  const whole = block.chunks.join("");
  switch (block.type) {
    case "text":
      return { type: "text", text: whole };
    case "thinking":
      return { type: "thinking", thinking: whole, signature: block.signature };
    case "redacted_thinking":
      return opened(block);
    case "tool_use":
      return { ...opened(block), input: parsedInput(whole) };
  }
}

/** Arguments that were cut off, or were never JSON, are an empty object. */
function parsedInput(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
