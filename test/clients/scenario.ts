/** The model's part in a client's test: it calls one of the client's tools, then answers with what that returned. */

import type { ContentBlock, MessagesBody } from "../../src/demo/request.ts";
import type { AnswerScript } from "../../src/demo/script.ts";
import type { Scenario } from "../../src/demo/simulator.ts";

export interface ToolCall {
  /** As the client names it. */
  name: string;
  input: Record<string, unknown>;
}

/** The call's id upstream: of a form that some clients bring back changed. */
export const callId = "toolu_01write-note_7";
export const announcement = "I write it down.";
/** What is said to a request that brings no such tool: agents ask for a title, for one. */
const aside = "A note";

/** Tokens of the two steps. */
const usage = {
  call: { input: 100, cacheRead: 40, cacheWrite: 10, output: 30, thinking: 0 },
  answer: { input: 20, cacheRead: 150, cacheWrite: 5, output: 12, thinking: 0 },
};

/** The answer after the tool: what it returned, quoted. */
export const finalText = (result: string) => `The tool says: ${result}`;

/** `choose`: the call to make with the tools that a request offers, by their names; undefined: none of them will do. */
export function callsThenQuotes(choose: (offered: string[]) => ToolCall | undefined): Scenario {
  return ({ body }) => {
    if (!body) return undefined;
    const result = toolResult(body);
    if (result !== undefined) return say(finalText(result), usage.answer);
    const call = choose(((body.tools ?? []) as Array<{ name: string }>).map(({ name }) => name));
    if (!call) return say(aside);
    const tool = { type: "tool_use" as const, id: callId, name: call.name, input: fragments(call.input) };
    return { blocks: [announcement, tool], paceMs: 1, usage: usage.call };
  };
}

/** What the client's tool returned for the call, as text; undefined: nothing yet. */
export function toolResult({ messages }: MessagesBody): string | undefined {
  const blocks = messages.flatMap(({ content }) => (Array.isArray(content) ? content : []));
  const result = blocks.findLast(
    ({ type, tool_use_id }) => type === "tool_result" && lettersOf(tool_use_id) === lettersOf(callId),
  );
  return result && textOf(result.content);
}

/** What every client brings back of an id. */
const lettersOf = (id: unknown) => String(id).replace(/[^A-Za-z0-9]/g, "");

function textOf(content: string | ContentBlock[] | undefined): string {
  if (!Array.isArray(content)) return content ?? "";
  return content.map(({ text }) => text ?? "").join("");
}

function say(text: string, usage: AnswerScript["usage"] = {}): AnswerScript {
  return { blocks: [text], paceMs: 1, usage };
}

/** The arguments' JSON in pieces of five characters, which cuts through names, escapes and values alike. */
function fragments(input: Record<string, unknown>): string[] {
  return JSON.stringify(input).match(/.{1,5}/gsu) ?? [];
}
