/**
 * The blocks of a message as the CLI gets them, by whichever way: a frame, a session file, a result of MCP. All ways
 * give the same text upstream, so that a rebuilt conversation is the live one.
 */

import type {
  AssistantBlock,
  ImageBlock,
  SystemBlock,
  TextBlock,
  ToolResultBlock,
  UserBlock,
  UserMessage,
} from "../core/conversation.ts";
import { cliName } from "./names.ts";

/**
 * A user's message: instructions of the client as the reminders that the CLI itself uses, results first and in the
 * CLI's own form. `isFolded`: what stands beside the results went to a process that waited for them.
 */
export function userBlocks(content: UserMessage["content"], isFolded = false): CliBlock[] {
  return besideErrors(isFolded ? folded(content) : beside(content)).map((block) =>
    block.type === "tool_result" ? asReturned(block) : { ...block },
  );
}

/** An answer, its calls under the names that the CLI knows. Of its own answers it leaves out texts of white space too. */
export function assistantBlocks(content: readonly AssistantBlock[]): AssistantBlock[] {
  const said = content.filter((block) => block.type !== "text" || block.text.trim() !== "");
  return (said.length > 0 ? said : content).map((block) =>
    block.type === "tool_use" ? { ...block, name: cliName(block.name) } : block,
  );
}

/**
 * Results that answer a waiting process, with what the client says beside them folded in; null: something stands
 * beside them that no result can carry.
 */
export function resultsOf(content: UserMessage["content"]): ToolResultBlock[] | null {
  const blocks = folded(content);
  const results = blocks.filter((block) => block.type === "tool_result");
  return results.length === blocks.length && results.length > 0 ? results : null;
}

export type CliBlock = { type: string; text?: string; [field: string]: unknown };

type PlainBlock = Exclude<UserBlock, SystemBlock>;

/**
 * Appends the blocks beside results to the last result that is no error: a process that waits for results takes nothing
 * else. The CLI does the same with its reminders and with a user's message in the middle of a turn.
 */
function folded(content: readonly UserBlock[]): PlainBlock[] {
  const results = content.filter((block) => block.type === "tool_result").map(withContent);
  const others = content.filter((block) => block.type !== "tool_result");
  const last = results.findLast(({ is_error }) => !is_error) ?? results.at(-1);
  if (last === undefined || !others.every((block) => fitsInto(last, block))) return beside(content);
  const parts = others.map((block) => (block.type === "text" ? remark(block) : asPart(block)));
  return results.map((block) => (block === last ? { ...block, content: [...block.content, ...parts] } : block));
}

/** Results as they are, and the others behind them, as the API takes them. */
function beside(content: readonly UserBlock[]): PlainBlock[] {
  return content.map((block) => {
    if (block.type === "tool_result") return withContent(block);
    return block.type === "system" ? reminder(block) : block;
  });
}

/** An error is text alone, and the CLI itself reads no document that comes with a result. */
function fitsInto(result: ToolResultBlock, block: UserBlock): boolean {
  if (block.type === "text" || block.type === "system") return true;
  return block.type === "image" && block.source.type === "base64" && !result.is_error;
}

function asPart(block: UserBlock): TextBlock | ImageBlock {
  if (block.type === "system") return reminder(block);
  if (block.type === "image") return block;
  throw new Error(`a ${block.type} is no part of a result`);
}

/** Marks a text beside results as the user's. A text that begins with a tag was marked by the agent. */
function remark({ text }: TextBlock): TextBlock {
  if (/^\s*<[a-z]/i.test(text)) return { type: "text", text };
  return reminder({ type: "system", text: `The user says beside these results:\n\n${text}` });
}

/** The CLI itself has words for an empty result, and other ones where it came otherwise than through MCP. */
function withContent(result: ToolResultBlock): ToolResultBlock {
  if (result.content.length > 0) return result;
  return { ...result, content: [{ type: "text", text: result.is_error ? "(no details)" : "(no output)" }] };
}

/** An instruction inside of the conversation, in the form that the CLI gives its own. */
export function reminder({ text }: SystemBlock): TextBlock {
  return { type: "text", text: `<system-reminder>\n${text}\n</system-reminder>` };
}

/** The API takes nothing but text in a result that is an error, and the CLI drops the rest: it goes behind the results. */
function besideErrors(content: PlainBlock[]): PlainBlock[] {
  const moved: PlainBlock[] = [];
  const kept = content.map((block): PlainBlock => {
    if (block.type !== "tool_result" || !block.is_error) return block;
    moved.push(...block.content.filter((part) => part.type !== "text"));
    return { ...block, content: block.content.filter((part) => part.type === "text") };
  });
  if (moved.length === 0) return content;
  const results = kept.findLastIndex((block) => block.type === "tool_result") + 1;
  return [...kept.slice(0, results), ...moved, ...kept.slice(results)];
}

/** As the CLI writes a result that came through MCP, the order of its keys included (2.1.330). */
function asReturned({ tool_use_id, content, is_error }: ToolResultBlock): CliBlock {
  if (!is_error) return { tool_use_id, type: "tool_result", content };
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
  return { type: "tool_result", content: text, is_error: true, tool_use_id };
}
