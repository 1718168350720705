/** What a client's requests have in common: which conversations they are of, and what each has to write to the cache. */

import { blocksOf, type RequestMessage } from "../../src/demo/request.ts";
import { withoutMarks } from "../harness/prompt-cache.ts";
import { isAsking, type TappedRequest } from "../harness/tap.ts";

/** A request as a head, which a conversation keeps, and items that are added to. */
interface Prompt {
  /** Model, tools and system prompt. */
  head: string;
  items: string[];
}

/** The requests for an answer that got one. */
export const answeredRequests = (requests: readonly TappedRequest[]): TappedRequest[] =>
  requests.filter((request) => isAsking(request) && request.status === 200 && request.body !== null);

/**
 * How many conversations the requests are of, counted anew in each epoch. A request goes on with one if all that the last
 * request of it held comes first in it; else it is one of its own, as a fork, a summary or a title is.
 */
export function countConversations(requests: readonly TappedRequest[]): number {
  const last: Array<Prompt & { epoch: number }> = [];
  for (const { body, epoch } of answeredRequests(requests)) {
    const prompt = { ...promptOf(body!), epoch };
    const found = last.findIndex((one) => one.epoch === epoch && one.head === prompt.head && isShorter(one, prompt));
    if (found === -1) last.push(prompt);
    else last[found] = prompt;
  }
  return last.length;
}

/**
 * For each request the tokens (a quarter of the characters) that it would write to the vendor's cache as the agent sent it,
 * with the CLI's marks: behind the head, and behind the last item. An agent that changes what it said before writes again
 * what comes behind that, whoever passes it on.
 */
export function ownWrites(requests: readonly TappedRequest[]): number[] {
  const entries = new Set<string>();
  return requests.map(({ body }) => {
    const { head, items } = promptOf(body ?? {});
    const parts = [head, ...items];
    const prefixes = parts.map((_, at) => Bun.hash(JSON.stringify(parts.slice(0, at + 1))).toString());
    const known = prefixes.findLastIndex((prefix) => entries.has(prefix)) + 1;
    for (const mark of [prefixes[0]!, prefixes.at(-1)!]) entries.add(mark);
    return Math.ceil(parts.slice(known).join("").length / 4);
  });
}

function promptOf(body: Record<string, unknown>): Prompt {
  const items = body.messages ?? body.input;
  const { model, tools, system, instructions } = withoutMarks(body);
  return {
    head: JSON.stringify([model, tools, withoutBilling(system), instructions]),
    items: Array.isArray(items) ? items.map((item) => JSON.stringify(withoutMarks(asBlocks(item)))) : [String(items)],
  };
}

/** The same text as a string and as a block is the same. */
function asBlocks(item: unknown): unknown {
  const { content } = item as Partial<RequestMessage>;
  return typeof content === "string" ? { ...(item as object), content: blocksOf(content) } : item;
}

function withoutBilling(system: unknown): unknown {
  if (!Array.isArray(system)) return system;
  return system.filter(({ text }) => !String(text).startsWith("x-anthropic-billing-header: "));
}

function shared(one: Prompt, other: Prompt): number {
  const differs = one.items.findIndex((item, at) => item !== other.items[at]);
  return differs === -1 ? Math.min(one.items.length, other.items.length) : differs;
}

function isShorter(one: Prompt, other: Prompt): boolean {
  return one.items.length < other.items.length && shared(one, other) === one.items.length;
}
