/** OpenAI's list of messages as system texts and strictly alternating messages. */

import type { AssistantBlock, Message } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { createAlternation } from "../alternation.ts";
import { createImageIntake, type ImageLimits } from "../images.ts";
import { type CallLedger, createCallLedger } from "./calls.ts";
import { decodeContent, decodeTexts } from "./parts.ts";
import type { ChatMessage } from "./schema.ts";

export interface DecodedMessages {
  /** The system and developer texts before the first message, in order. */
  system: string[];
  /** Roles alternate, the last is the user's; the first may be the assistant's. */
  messages: Message[];
}

const systemTakes = {
  sentence: "System messages take text only; send images and files in a user message.",
  reason: "images_unsupported_in_system_messages",
};
const assistantTakes = { sentence: "Assistant messages take text and tool calls only." };

/**
 * Neighbours of one role become one message, and tool results are the user's, those included that the client left
 * out. Adds to `ignored` what has no effect.
 * Throws OcpError `invalid_request` or `body_too_large` with the path of the message as `param`.
 */
export function decodeMessages(input: ChatMessage[], limits: ImageLimits, ignored: Set<string>): DecodedMessages {
  const images = createImageIntake(limits);
  const calls = createCallLedger();
  const system: string[] = [];
  const messages = createAlternation("messages");
  const addSystem = (texts: string[]) => {
    if (!messages.addSystem(texts)) system.push(...texts);
  };

  for (const [index, message] of input.entries()) {
    const at = `messages.${index}`;
    const param = `${at}.content`;
    switch (message.role) {
      case "system":
      case "developer":
        addSystem(decodeTexts(message.content, images, param, systemTakes).map(({ text }) => text));
        break;
      case "user":
        if (message.name !== undefined) ignored.add("messages.name");
        messages.addUser(decodeContent(message.content, images, param), param);
        break;
      case "assistant":
        if (message.name !== undefined) ignored.add("messages.name");
        if (message.audio !== undefined) throw invalid(assistantTakes.sentence, `${at}.audio`);
        messages.addAssistant([
          ...decodeTexts(message.content, images, param, assistantTakes),
          ...decodeTexts(message.refusal, images, `${at}.refusal`, assistantTakes),
          ...decodeCalls(message, calls, at),
        ]);
        break;
      case "tool":
      case "function": {
        const keyParam = message.role === "tool" ? `${at}.tool_call_id` : `${at}.name`;
        const key = message.role === "tool" ? message.tool_call_id : message.name;
        if (key === undefined) throw invalid(`\`${keyParam}\` is required.`, keyParam);
        const id = calls.answer(key, keyParam);
        const content = decodeContent(message.content, images, param);
        messages.addUser([{ type: "tool_result", tool_use_id: id, content }], param);
        break;
      }
    }
  }

  return { system, messages: calls.complete(messages.end()) };
}

function decodeCalls(message: ChatMessage, calls: CallLedger, at: string): AssistantBlock[] {
  const blocks = (message.tool_calls ?? []).map((call, index) => {
    const param = `${at}.tool_calls.${index}`;
    if (call.id === undefined) throw invalid(`\`${param}.id\` is required.`, `${param}.id`);
    return calls.open(call.id, call.function, `${param}.function`);
  });
  if (message.function_call) blocks.push(calls.open(undefined, message.function_call, `${at}.function_call`));
  return blocks;
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
