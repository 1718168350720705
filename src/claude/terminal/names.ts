/** How the interactive CLI calls the client's tools: those of a server on the network keep its prefix (2.1.197, 2.1.330). */

import type { Message } from "../../core/conversation.ts";
import { cliName } from "../names.ts";

export const mcpServer = "c";
const prefix = `mcp__${mcpServer}__`;
/** The API takes 128 characters, and 2.1.330 leaves out a tool that has more. */
export const longestName = 128 - prefix.length;

/** The client's name of a tool as the model knows it here. */
export function prefixed(name: string): string {
  return `${prefix}${cliName(name)}`;
}

/** What the model called, as the tool's server knows it; null: it is none of that server's. */
export function unprefixed(called: string): string | null {
  return called.startsWith(prefix) ? called.slice(prefix.length) : null;
}

/** A history with its calls under the names that the model knows. */
export function withPrefixes(messages: readonly Message[]): Message[] {
  return messages.map((message) =>
    message.role === "user"
      ? message
      : {
          ...message,
          content: message.content.map((block) =>
            block.type === "tool_use" ? { ...block, name: prefixed(block.name) } : block,
          ),
        },
  );
}

/** The request's `tool_choice`, in the JSON of what is merged into it, with the tool's name as the model knows it. */
export function choicePrefixed(body: string): string {
  if (body === "") return "";
  const fields = JSON.parse(body) as { tool_choice?: { type: string; name?: string } };
  const choice = fields.tool_choice;
  if (choice?.name === undefined) return body;
  return JSON.stringify({ ...fields, tool_choice: { ...choice, name: `${prefix}${choice.name}` } });
}
