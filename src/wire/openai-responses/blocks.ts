/** The blocks of an answer as output items that grow: what each says when it opens, takes a delta and closes. */

import type { RedactedThinkingBlock, ThinkingBlock } from "../../core/conversation.ts";
import type { BlockDelta, BlockStart } from "../../core/turn.ts";
import { sealThinking } from "./reasoning.ts";
import type { ItemStatus, OutputItem, OutputText } from "./response.ts";

/** An event of the stream, its `sequence_number` not yet given. */
export type ServerEvent = { type: string } & Record<string, unknown>;

export interface GrowingItem {
  opening: ServerEvent[];
  take(delta: BlockDelta): ServerEvent[];
  /** `item` is null when the block held nothing that makes an item. */
  close(status: ItemStatus): { events: ServerEvent[]; item: OutputItem | null };
}

export interface Place {
  /** Of the item in the response's output. */
  index: number;
  newId(prefix: string): string;
  /** The item as the client is to see it. */
  view(item: OutputItem): OutputItem;
}

export function growItem(block: BlockStart, place: Place): GrowingItem {
  switch (block.type) {
    case "text":
      return growMessage(place);
    case "tool_use":
      return growCall(block, place);
    case "thinking":
      return growReasoning(place, (thinking, signature) => ({ type: "thinking", thinking, signature }));
    case "redacted_thinking":
      return growReasoning(place, () => block);
  }
}

/** Without text there is no message: clients show an empty one as an empty paragraph. */
function growMessage({ index, newId, view }: Place): GrowingItem {
  const id = newId("msg_");
  const at = { item_id: id, output_index: index, content_index: 0 };
  const part = (text: string): OutputText => ({ type: "output_text", text, annotations: [], logprobs: [] });
  const message = (status: ItemStatus, content: OutputText[]): OutputItem => {
    return { id, type: "message", status, role: "assistant", content };
  };
  let text = "";

  return {
    opening: [],
    take(delta) {
      if (delta.type !== "text" || delta.text === "") return [];
      const begins = text === "";
      text += delta.text;
      const growth = { type: "response.output_text.delta", ...at, delta: delta.text, logprobs: [] };
      if (!begins) return [growth];
      return [
        added(index, view(message("in_progress", []))),
        { type: "response.content_part.added", ...at, part: part("") },
        growth,
      ];
    },
    close(status) {
      if (text === "") return { events: [], item: null };
      const item = message(status, [part(text)]);
      const events = [
        { type: "response.output_text.done", ...at, text, logprobs: [] },
        { type: "response.content_part.done", ...at, part: part(text) },
        done(index, view(item)),
      ];
      return { events, item };
    },
  };
}

function growCall(block: { id: string; name: string }, { index, newId, view }: Place): GrowingItem {
  const id = newId("fc_");
  const at = { item_id: id, output_index: index };
  const call = (status: ItemStatus, json: string): OutputItem => {
    return { id, type: "function_call", status, call_id: block.id, name: block.name, arguments: json };
  };
  const growth = (delta: string) => ({ type: "response.function_call_arguments.delta", ...at, delta });
  let json = "";

  return {
    opening: [added(index, view(call("in_progress", "")))],
    take(delta) {
      if (delta.type !== "input_json" || delta.json === "") return [];
      json += delta.json;
      return [growth(delta.json)];
    },
    close(status) {
      // A call without parameters brings no JSON at all, but clients parse the arguments as JSON.
      const empty = json === "" && status === "completed";
      if (empty) json = "{}";
      const item = call(status, json);
      const events = [
        ...(empty ? [growth(json)] : []),
        { type: "response.function_call_arguments.done", ...at, name: block.name, arguments: json },
        done(index, view(item)),
      ];
      return { events, item };
    },
  };
}

function growReasoning(
  { index, newId, view }: Place,
  whole: (thinking: string, signature: string) => ThinkingBlock | RedactedThinkingBlock,
): GrowingItem {
  const id = newId("rs_");
  const at = { item_id: id, output_index: index, summary_index: 0 };
  const part = (text: string) => ({ type: "summary_text" as const, text });
  let thinking = "";
  let signature = "";

  return {
    opening: [added(index, view({ id, type: "reasoning", summary: [], encrypted_content: null }))],
    take(delta) {
      if (delta.type === "signature") signature += delta.signature;
      if (delta.type !== "thinking" || delta.text === "") return [];
      const begins = thinking === "";
      thinking += delta.text;
      const growth = { type: "response.reasoning_summary_text.delta", ...at, delta: delta.text };
      return begins ? [{ type: "response.reasoning_summary_part.added", ...at, part: part("") }, growth] : [growth];
    },
    close() {
      const item: OutputItem = {
        id,
        type: "reasoning",
        summary: thinking === "" ? [] : [part(thinking)],
        encrypted_content: sealThinking(whole(thinking, signature)),
      };
      const ends = [
        { type: "response.reasoning_summary_text.done", ...at, text: thinking },
        { type: "response.reasoning_summary_part.done", ...at, part: part(thinking) },
      ];
      return { events: [...(thinking === "" ? [] : ends), done(index, view(item))], item };
    },
  };
}

function added(output_index: number, item: OutputItem): ServerEvent {
  return { type: "response.output_item.added", output_index, item };
}

function done(output_index: number, item: OutputItem): ServerEvent {
  return { type: "response.output_item.done", output_index, item };
}
