/** Gives every tool call its result: clients leave out the results of calls that their user cancelled. */

import type { Message, ToolResultBlock, UserBlock } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";

/**
 * Takes alternating messages. In the user message after an assistant's calls, results come first, as the model's API
 * wants them; a call without a result gets one that says so.
 * Throws OcpError `invalid_request` for a result that does not stand right after its call; `placeOf` gives the path of
 * the result of a call's id.
 */
export function completeResults(messages: readonly Message[], placeOf: (id: string) => string): Message[] {
  let open = new Set<string>();
  return messages.map((message) => {
    if (message.role === "assistant") {
      open = new Set(message.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : [])));
      return message;
    }
    const results = message.content.filter((block) => block.type === "tool_result");
    const others = message.content.filter((block) => block.type !== "tool_result");
    const stray = results.find((result) => !open.delete(result.tool_use_id));
    if (stray !== undefined) {
      throw new OcpError("invalid_request", "A result must stand in the message right after its tool call, and once.", {
        param: placeOf(stray.tool_use_id),
      });
    }
    const content: UserBlock[] = [...results, ...Array.from(open, noResult), ...others];
    open = new Set();
    return { role: "user", content };
  });
}

function noResult(id: string): ToolResultBlock {
  const content: ToolResultBlock["content"] = [{ type: "text", text: "No result was returned for this call." }];
  return { type: "tool_result", tool_use_id: id, content, is_error: true };
}
