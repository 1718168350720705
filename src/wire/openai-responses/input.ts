/** Everything that a Responses request says: what it brings itself, and what it only refers to. */

import { OcpError } from "../../core/errors.ts";
import { maxMessages } from "../bounds.ts";
import type { PlacedItem } from "./items.ts";
import type { InputItem, ResponsesRequest } from "./schema.ts";

/** The responses that are still known to whoever asks. */
export interface Recall {
  /** The items of the conversation up to a response, its own included. */
  conversation(responseId: string): readonly InputItem[] | undefined;
  /** One item of a response. */
  item(id: string): InputItem | undefined;
}

const served = new Set(["message", "function_call", "function_call_output", "reasoning", "item_reference"]);

/**
 * The body with nothing left in items of other types, whose fields have other shapes; their names go to `ignored`, as
 * `input.<type>`.
 */
export function withServedItems(body: object, ignored: Set<string>): object {
  const { input } = body as { input?: unknown };
  if (!Array.isArray(input)) return body;
  const items = input.map((item: unknown) => {
    const type = typeof item === "object" && item !== null && "type" in item ? item.type : undefined;
    if (typeof type !== "string" || served.has(type)) return item;
    // A type is one of the API's words; what does not look like one is not repeated in a header.
    ignored.add(/^[a-z][a-z0-9_]{0,39}$/.test(type) ? `input.${type}` : "input");
    return { type };
  });
  return { ...body, input: items };
}

/**
 * The items of the conversation in order, those of the previous response first, references replaced by what they
 * refer to. Throws OcpError `not_found` or `invalid_request` for what is not remembered.
 */
export function resolveInput(request: ResponsesRequest, recall: Recall | undefined): PlacedItem[] {
  const { input, previous_response_id: previous } = request;
  const placed: PlacedItem[] = [];
  if (previous !== undefined) {
    const items = recall?.conversation(previous);
    if (items === undefined) {
      throw new OcpError(
        "not_found",
        "The previous response is not remembered here; send the whole conversation as `input`.",
        { param: "previous_response_id", reason: "previous_response_not_found" },
      );
    }
    if (items.length + (Array.isArray(input) ? input.length : 1) > maxMessages) {
      throw new OcpError("invalid_request", `A conversation may hold at most ${maxMessages} items.`, {
        param: "previous_response_id",
      });
    }
    for (const item of items) placed.push({ item, at: "previous_response_id" });
  }
  if (typeof input === "string") {
    if (input.trim() === "") throw new OcpError("invalid_request", "`input` must not be empty.", { param: "input" });
    placed.push({ item: { type: "message", role: "user", content: input }, at: "input" });
  }
  for (const [index, item] of (typeof input === "string" ? [] : (input ?? [])).entries()) {
    const at = `input.${index}`;
    if (item.type === "item_reference") placed.push({ item: resolveReference(item, recall, at), at });
    else if (served.has(item.type ?? "message")) placed.push({ item, at });
  }
  return placed;
}

function resolveReference({ id }: InputItem, recall: Recall | undefined, at: string): InputItem {
  const item = id === undefined ? undefined : recall?.item(id);
  if (item !== undefined) return item;
  throw new OcpError("invalid_request", "This item is not remembered here; send the item itself.", {
    param: `${at}.id`,
    reason: "item_not_found",
  });
}
