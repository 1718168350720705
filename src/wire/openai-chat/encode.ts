/** A turn's events as OpenAI's chat completion: a stream of SSE frames, or one object. */

import type { TurnEvent } from "../../core/turn.ts";
import { asOcpError, cutOff } from "../break-off.ts";
import { type ChatUsage, createAssembler, type ToolCall } from "./assemble.ts";
import { renderOpenAiError } from "./errors.ts";

export interface ChatMeta {
  /** `chatcmpl-` and letters and digits. */
  id: string;
  /** Epoch seconds. */
  created: number;
  /** As the client named it. */
  model: string;
  /** Whether a stream ends with a usage chunk; it has no effect on `collectChatCompletion`. */
  includeUsage: boolean;
  /** Whether the client reads the older form: its one call is the message's `function_call`. */
  legacyCalls: boolean;
}

export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: [
    {
      index: 0;
      message: {
        role: "assistant";
        content: string | null;
        refusal: null;
        reasoning_content?: string;
        tool_calls?: ToolCall[];
        function_call?: ToolCall["function"];
      };
      logprobs: null;
      finish_reason: string;
    },
  ];
  usage: ChatUsage;
}

/**
 * The frames of a streamed answer, each with its closing blank line.
 *
 * When the turn fails, one frame carries the error and the stream ends: no finish chunk, and no `[DONE]` either. Both
 * say that the answer is complete, which it is not. The OpenAI SDKs throw at the error frame and read no further; a
 * client that does not know error frames sees a stream that ended early instead of a whole answer.
 */
export async function* encodeChatStream(events: AsyncIterable<TurnEvent>, meta: ChatMeta): AsyncGenerator<string> {
  const { id, created, model, legacyCalls } = meta;
  const common = JSON.stringify({ id, object: "chat.completion.chunk", created, model }).slice(0, -1);
  const head = `data: ${common},"choices":[{"index":0,"delta":`;
  const tail = `,"finish_reason":null}]}\n\n`;
  const contentHead = `${head}{"content":`;
  const reasoningHead = `${head}{"reasoning_content":`;
  const textTail = `}${tail}`;
  const callHead = head + (legacyCalls ? `{"function_call":` : `{"tool_calls":[`);
  const callTail = (legacyCalls ? "}" : "]}") + tail;

  const push = createAssembler(legacyCalls);
  let finished = false;
  try {
    for await (const event of events) {
      const piece = push(event);
      if (piece === null) continue;
      switch (piece.kind) {
        case "role":
          yield `${head}{"role":"assistant","content":""}${tail}`;
          break;
        case "content":
          yield contentHead + JSON.stringify(piece.text) + textTail;
          break;
        case "reasoning":
          yield reasoningHead + JSON.stringify(piece.text) + textTail;
          break;
        case "call": {
          const call = legacyCalls ? piece.call.function : { index: piece.index, ...piece.call };
          yield callHead + JSON.stringify(call) + callTail;
          break;
        }
        case "arguments": {
          const fragment = `{"arguments":${JSON.stringify(piece.json)}}`;
          yield callHead + (legacyCalls ? fragment : `{"index":${piece.index},"function":${fragment}}`) + callTail;
          break;
        }
        case "finish":
          finished = true;
          yield `${head}{},"finish_reason":"${piece.reason}"}]}\n\n`;
          if (meta.includeUsage) yield `data: ${common},"choices":[],"usage":${JSON.stringify(piece.usage)}}\n\n`;
          yield "data: [DONE]\n\n";
          break;
      }
    }
    if (!finished) throw cutOff();
  } catch (error) {
    if (finished) throw error;
    yield `data: ${JSON.stringify(renderOpenAiError(asOcpError(error)))}\n\n`;
  }
}

/** The whole answer. Throws what the turn throws, and OcpError `upstream_failed` if it ends without its `end`. */
export async function collectChatCompletion(events: AsyncIterable<TurnEvent>, meta: ChatMeta): Promise<ChatCompletion> {
  const push = createAssembler(meta.legacyCalls);
  let content = "";
  let reasoning = "";
  const calls: ToolCall[] = [];
  let completion: ChatCompletion | undefined;

  for await (const event of events) {
    const piece = push(event);
    if (piece === null) continue;
    if (piece.kind === "content") content += piece.text;
    else if (piece.kind === "reasoning") reasoning += piece.text;
    else if (piece.kind === "call") calls.push(piece.call);
    else if (piece.kind === "arguments") {
      const call = calls[piece.index];
      if (call) call.function.arguments += piece.json;
    } else if (piece.kind === "finish") {
      completion = {
        id: meta.id,
        object: "chat.completion",
        created: meta.created,
        model: meta.model,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: content === "" && calls.length > 0 ? null : content,
              refusal: null,
              ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
              ...callsOf(calls, meta.legacyCalls),
            },
            logprobs: null,
            finish_reason: piece.reason,
          },
        ],
        usage: piece.usage,
      };
    }
  }
  if (completion === undefined) throw cutOff();
  return completion;
}

function callsOf(calls: ToolCall[], legacy: boolean) {
  const [first] = calls;
  if (first === undefined) return {};
  return legacy ? { function_call: first.function } : { tool_calls: calls };
}
