/** Writes down what a turn sent to its client, as the message that the client will send back. */

import type { AssistantBlock, AssistantMessage } from "../core/conversation.ts";
import type { TurnEvent } from "../core/turn.ts";

export interface Transcript {
  add(event: TurnEvent): void;
  message(): AssistantMessage;
  /** The ids of the calls in it. */
  calls(): string[];
}

export function createTranscript(): Transcript {
  const content: AssistantBlock[] = [];
  let json = "";

  return {
    add(event) {
      const last = content.at(-1);
      if (event.type === "block_start") {
        const { block } = event;
        json = "";
        if (block.type === "text") content.push({ type: "text", text: "" });
        else if (block.type === "tool_use") content.push({ ...block, input: {} });
      } else if (event.type === "delta" && event.delta.type === "text" && last?.type === "text") {
        last.text += event.delta.text;
      } else if (event.type === "delta" && event.delta.type === "input_json") {
        json += event.delta.json;
      } else if (event.type === "block_stop" && last?.type === "tool_use" && json !== "") {
        last.input = parse(json);
        json = "";
      }
    },
    message: () => ({ role: "assistant", content }),
    calls: () => content.flatMap((block) => (block.type === "tool_use" ? [block.id] : [])),
  };
}

/** Arguments that are no JSON object are the model's mistake; no client can send them back as one. */
function parse(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
