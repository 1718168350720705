/** What a process is told of the client's tools. */

import type { Tool } from "../core/conversation.ts";
import type { Attempt } from "./backend.ts";

/** What a tool's description may hold on a CLI that cuts it; the rest is told in the system prompt. */
const shortDescription = 2_000;

/** The client's tools, and the one that takes an answer in JSON. */
export function offered({ conversation, output }: Pick<Attempt, "conversation" | "output">): Tool[] {
  const tools = conversation.toolbox?.tools ?? [];
  return output ? [...tools, output.tool] : [...tools];
}

/** The system prompt. */
export function systemOf(attempt: Pick<Attempt, "conversation" | "output" | "capabilities">): string {
  const { conversation, capabilities } = attempt;
  if (capabilities.longDescriptions) return conversation.system;
  const long = offered(attempt).filter((tool) => tool.description.length > shortDescription);
  const rest = long.map((tool) => `More about the tool ${tool.name}:\n${tool.description}`);
  return [conversation.system, ...rest].filter((text) => text !== "").join("\n\n");
}
