/**
 * Conversations of the agent's own key that wait for the result of a call and never get it. Where there is memory for as
 * many processes, they take those of the agent, which was there before them.
 */

import type { Scenario } from "../../src/demo/simulator.ts";

const question = "A rival asks for a look.";
const tool = { name: "look", description: "Looks.", input_schema: { type: "object", properties: {} } };

/** Answers rivals with a call; other requests get what `script` says. */
export function withRivals(script: Scenario): Scenario {
  return (request) =>
    JSON.stringify(request.body?.messages ?? []).includes(question)
      ? { blocks: [{ type: "tool_use", name: tool.name, input: {} }] }
      : script(request);
}

/** `key`: null where the server asks for none. Rejects when one of them does not come to wait. */
export async function askRivals(url: string, key: string | null, count: number): Promise<void> {
  for (let rival = 0; rival < count; rival++) {
    const messages = [{ role: "user", content: `${question} (${crypto.randomUUID()})` }];
    const response = await fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model: "claude-sonnet-4-6", max_tokens: 1_000, messages, tools: [tool] }),
    });
    const text = await response.text();
    if (!response.ok || !text.includes('"tool_use"')) throw new Error(`A rival got ${response.status}: ${text}`);
  }
}
