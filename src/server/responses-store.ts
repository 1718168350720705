/**
 * Remembers responses for a while, so that clients can go on from one by its id. In memory alone, bounded in time,
 * number and size: who wants to be sure sends the whole conversation.
 */

import type { Recall } from "../wire/openai-responses/input.ts";
import type { ResponseObject } from "../wire/openai-responses/response.ts";
import type { InputItem } from "../wire/openai-responses/schema.ts";

export interface Answered {
  /** As the client got it. */
  response: ResponseObject;
  /** What was said before it. */
  input: readonly InputItem[];
  /** What it says itself. */
  output: readonly InputItem[];
}

/** One principal's responses; nobody sees another's. */
export interface OwnResponses extends Recall {
  /** Of a response that is too large its own items are remembered at most, so that nothing can go on from it. */
  remember(answered: Answered): void;
  response(id: string): ResponseObject | undefined;
  /** Whether there was one. */
  forget(id: string): boolean;
}

export interface ResponsesStore {
  of(principalId: string): OwnResponses;
}

export interface ResponsesStoreOptions {
  /** Epoch ms. */
  clock: () => number;
  /** Ms that a response is remembered. */
  ttl?: number;
  /** Responses of one principal. */
  maxCount?: number;
  /** Characters of all responses together, the conversations before them counted with each. */
  maxChars?: number;
}

interface Kept {
  response: ResponseObject;
  /** Null if it was too large to be kept. */
  input: readonly InputItem[] | null;
  output: readonly InputItem[];
  /** The items that have an id; the response's own win over those of the conversation. */
  byId: ReadonlyMap<string, InputItem>;
  until: number;
  size: number;
}

export function createResponsesStore(options: ResponsesStoreOptions): ResponsesStore {
  const { clock, ttl = 3_600_000, maxCount = 200, maxChars = 32 * 2 ** 20 } = options;
  /** By principal and by id, oldest first. */
  const shelves = new Map<string, Map<string, Kept>>();

  const sizeOfShelf = (shelf: Map<string, Kept>) => shelf.values().reduce((sum, kept) => sum + kept.size, 0);

  const expire = () => {
    const now = clock();
    for (const [principal, shelf] of shelves) {
      for (const [id, kept] of shelf) {
        if (kept.until > now) break;
        shelf.delete(id);
      }
      if (shelf.size === 0) shelves.delete(principal);
    }
  };

  /** Takes from whoever holds the most, so that one principal's many responses cost nobody else's. */
  const shrink = () => {
    const sizes = new Map(shelves.entries().map(([principal, shelf]) => [principal, sizeOfShelf(shelf)]));
    let total = sizes.values().reduce((sum, size) => sum + size, 0);
    while (total > maxChars) {
      const [principal, size] = [...sizes].reduce((most, each) => (each[1] > most[1] ? each : most));
      const shelf = shelves.get(principal);
      const [oldest] = shelf?.values() ?? [];
      if (!shelf || !oldest) return;
      shelf.delete(oldest.response.id);
      sizes.set(principal, size - oldest.size);
      total -= oldest.size;
    }
  };

  return {
    of(principalId) {
      const shelf = () => {
        expire();
        return shelves.get(principalId);
      };
      return {
        remember(answered) {
          const { response, input, output } = answered;
          const ownSize = charsOf(output) + charsOf(response);
          if (ownSize > maxChars) return;
          const size = ownSize + charsOf(input);
          const kept = size > maxChars ? { input: null, size: ownSize } : { input, size };
          const own = shelf() ?? new Map<string, Kept>();
          shelves.set(principalId, own);
          const byId = indexOf([...(kept.input ?? []), ...output]);
          own.set(response.id, { response, output, byId, ...kept, until: clock() + ttl });
          const [oldest] = own.keys();
          if (own.size > maxCount && oldest !== undefined) own.delete(oldest);
          shrink();
        },
        response: (id) => shelf()?.get(id)?.response,
        conversation(id) {
          const kept = shelf()?.get(id);
          return kept?.input ? [...kept.input, ...kept.output] : undefined;
        },
        item(id) {
          // The newest first: it has the items of those before it, if its client goes on from them.
          for (const { byId } of [...(shelf()?.values() ?? [])].reverse()) {
            const found = byId.get(id);
            if (found !== undefined) return found;
          }
          return undefined;
        },
        forget: (id) => shelf()?.delete(id) ?? false,
      };
    },
  };
}

/** Returns the items by their ids; of several with the same id the last one. */
function indexOf(items: readonly InputItem[]): ReadonlyMap<string, InputItem> {
  return new Map(items.flatMap((item) => (item.id === undefined ? [] : [[item.id, item]])));
}

/** Roughly what a JSON value takes in memory: its texts, and a little for each value. */
export function charsOf(value: unknown): number {
  if (typeof value === "string") return value.length + 16;
  if (typeof value !== "object" || value === null) return 16;
  return Object.entries(value).reduce((sum, [, child]) => sum + charsOf(child), 16);
}
