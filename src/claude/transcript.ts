/** Writes down what a turn sent to its client, exactly as the model said it: thinking and signatures included. */

import type { AssistantBlock, AssistantMessage } from "../core/conversation.ts";
import { parseBounded } from "../core/json-bounds.ts";
import type { TurnEvent } from "../core/turn.ts";

export interface Transcript {
  add(event: TurnEvent): void;
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

  return {
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
    message: () => ({ role: "assistant", content }),
    calls: () => content.flatMap((block) => (block.type === "tool_use" ? [block.id] : [])),
  };
}

function parse(json: string): Record<string, unknown> | null {
  const value = parseBounded(json);
  return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
}
