/** The items of a Responses request as system texts and strictly alternating messages. */

import type { AssistantBlock, Message } from "../../core/conversation.ts";
import { OcpError } from "../../core/errors.ts";
import { createAlternation } from "../alternation.ts";
import { createImageIntake, type ImageLimits } from "../images.ts";
import { type CallLedger, createCallLedger } from "../openai-chat/calls.ts";
import { decodeContent, decodeTexts } from "../openai-chat/parts.ts";
import { unsealThinking } from "./reasoning.ts";
import type { InputItem } from "./schema.ts";

/** An item and where it stands in the request. */
export interface PlacedItem {
  item: InputItem;
  at: string;
}

export interface DecodedItems {
  /** The system and developer texts before the first message, in order. */
  system: string[];
  /** Roles alternate, the last is the user's; the first may be the assistant's. */
  messages: Message[];
}

const systemTakes = {
  sentence: "System messages take text only; send images and files in a user message.",
  reason: "images_unsupported_in_system_messages",
};
const assistantTakes = { sentence: "Assistant messages take text only." };

/**
 * Neighbours of one role become one message, and outputs of calls are the user's.
 * Throws OcpError `invalid_request` or `body_too_large` with the path of the item as `param`.
 */
export function decodeItems(items: readonly PlacedItem[], limits: ImageLimits): DecodedItems {
  const images = createImageIntake(limits);
  const calls = createCallLedger();
  const system: string[] = [];
  const messages = createAlternation("input");
  const addSystem = (texts: string[]) => {
    if (!messages.addSystem(texts)) system.push(...texts);
  };
  /** Thinking belongs to what the assistant says after it; the model's API does not take it alone. */
  let thinking: AssistantBlock[] = [];
  const addAssistant = (blocks: AssistantBlock[]) => {
    if (blocks.length === 0) return;
    messages.addAssistant([...thinking, ...blocks]);
    thinking = [];
  };

  for (const { item, at } of items) {
    const param = `${at}.content`;
    switch (kindOf(item)) {
      case "system":
      case "developer":
        addSystem(decodeTexts(item.content, images, param, systemTakes).map(({ text }) => text));
        break;
      case "user":
        thinking = [];
        messages.addUser(decodeContent(item.content, images, param), param);
        break;
      case "assistant":
        addAssistant(decodeTexts(item.content, images, param, assistantTakes));
        break;
      case "reasoning": {
        const block = item.encrypted_content === undefined ? null : unsealThinking(item.encrypted_content);
        if (block !== null) thinking.push(block);
        break;
      }
      case "function_call":
        addAssistant([decodeCall(item, calls, at)]);
        break;
      case "function_call_output": {
        thinking = [];
        const id = calls.answer(required(item.call_id, `${at}.call_id`), `${at}.call_id`);
        const content = decodeContent(item.output, images, `${at}.output`);
        messages.addUser([{ type: "tool_result", tool_use_id: id, content }], `${at}.output`);
        break;
      }
      default:
        throw invalid("A message must have a role.", `${at}.role`);
    }
  }
  return { system, messages: calls.complete(messages.end()) };
}

function kindOf({ type = "message", role }: InputItem): string | undefined {
  return type === "message" ? role : type;
}

function decodeCall(item: InputItem, calls: CallLedger, at: string): AssistantBlock {
  const name = required(item.name, `${at}.name`);
  return calls.open(required(item.call_id, `${at}.call_id`), { name, arguments: item.arguments ?? "" }, at);
}

function required(value: string | undefined, param: string): string {
  if (value !== undefined) return value;
  throw invalid(`\`${param}\` is required.`, param);
}

function invalid(sentence: string, param: string): OcpError {
  return new OcpError("invalid_request", sentence, { param });
}
