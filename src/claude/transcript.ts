/**
 * Writes down what a turn sent to its client: what the model said, thinking and signatures included, with the arguments of
 * calls as the CLI keeps them. Of a tool that has a built-in's name it completes those (2.1.332: `replace_all` of `Edit`).
 */

import type { AssistantBlock, AssistantMessage } from "../core/conversation.ts";
import { parseBounded } from "../core/json-bounds.ts";
import type { TurnEvent } from "../core/turn.ts";

export interface Transcript {
  add(event: TurnEvent): void;
  /** Blocks of the message as the CLI keeps it. */
  note(blocks: unknown): void;
  message(): AssistantMessage;
  /** False once a call's arguments were no JSON object: no client can send them back, and the CLI refuses the call. */
  readonly faithful: boolean;
  /** The ids of the calls in it. */
  calls(): string[];
}

export function createTranscript(): Transcript {
  const content: AssistantBlock[] = [];
  let json = "";
  let faithful = true;
  /** The arguments of calls as the CLI keeps them, by the call's id. */
  const inputs = new Map<string, Record<string, unknown>>();

  return {
    note(blocks) {
      for (const block of Array.isArray(blocks) ? blocks : []) {
        if (block?.type === "tool_use" && isRecord(block.input)) inputs.set(block.id, block.input);
      }
    },
    add(event) {
      const last = content.at(-1);
      if (event.type === "block_start") {
        const { block } = event;
        json = "";
        if (block.type === "text") content.push({ type: "text", text: "" });
        else if (block.type === "thinking") content.push({ type: "thinking", thinking: "", signature: "" });
        else if (block.type === "redacted_thinking") content.push({ ...block });
        else content.push({ ...block, input: {} });
      } else if (event.type === "delta" && event.delta.type === "text" && last?.type === "text") {
        last.text += event.delta.text;
      } else if (event.type === "delta" && event.delta.type === "thinking" && last?.type === "thinking") {
        last.thinking += event.delta.text;
      } else if (event.type === "delta" && event.delta.type === "signature" && last?.type === "thinking") {
        last.signature += event.delta.signature;
      } else if (event.type === "delta" && event.delta.type === "input_json") {
        json += event.delta.json;
      } else if (event.type === "block_stop" && last?.type === "tool_use" && json !== "") {
        const input = parse(json);
        if (input === null) faithful = false;
        else last.input = input;
        json = "";
      }
    },
    get faithful() {
      return faithful;
    },
    message: () => ({
      role: "assistant",
      content: content.map((block) =>
        block.type === "tool_use" ? { ...block, input: inputs.get(block.id) ?? block.input } : block,
      ),
    }),
    calls: () => content.flatMap((block) => (block.type === "tool_use" ? [block.id] : [])),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(json: string): Record<string, unknown> | null {
  const value = parseBounded(json);
  return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
}
