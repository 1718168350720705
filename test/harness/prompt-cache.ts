/**
 * A model of the vendor's prompt cache, fed with the bodies of recorded upstream requests in their order. It says how
 * many tokens each request would have read from the cache, written to it, and sent beside it.
 *
 *     const cache = createPromptCache();
 *     const uses = bodies.map((body) => cache.ask(body));
 *     const units = costOf(uses);
 *
 * The rules are those of the API's documentation ("Prompt caching"): a prompt is cached by its exact prefix in the order
 * tools, system, messages; an entry is written at each mark (`cache_control`) and nowhere else; at each mark the API
 * looks back over at most 20 blocks for an entry; another model shares nothing; another `thinking` or `tool_choice`
 * keeps the entries of tools and system, and loses those of the messages. The model is kinder than the API in three
 * points: an entry never expires, there is no shortest prompt, and an entry can be read as soon as it was asked for.
 * A token is four characters of a block's JSON.
 */

import { createHash } from "node:crypto";
import { blocksOf, type ContentBlock, type MessagesBody } from "../../src/demo/request.ts";

/** Tokens of one request. */
export interface CacheUse {
  read: number;
  write: number;
  /** Behind the last mark: neither read nor written. */
  fresh: number;
}

/**
 * Prices as multiples of an input token's list price. A write costs 2 for an hour and 1.25 for five minutes; all count as
 * the former, so that a session that asks for shorter entries is compared by its prompts and not by its choice.
 */
export const listPrice: Readonly<CacheUse> = { read: 0.1, write: 2, fresh: 1 };

export interface PromptCache {
  /** Counts a request, and stores what it writes. */
  ask(body: MessagesBody): CacheUse;
}

/** How many blocks before a mark an entry may end that is found from it. */
const lookback = 20;

export function createPromptCache(): PromptCache {
  const entries = new Set<string>();
  return {
    ask(body) {
      const prefix = prefixOf(body);
      const marks = prefix.flatMap(({ isMarked }, at) => (isMarked ? [at] : []));
      const hit = Math.max(-1, ...marks.map((mark) => entryBefore(prefix, mark, entries)));
      const last = Math.max(hit, marks.at(-1) ?? -1);
      for (const mark of marks) entries.add(prefix[mark]!.hash);
      return {
        read: tokensOf(prefix.slice(0, hit + 1)),
        write: tokensOf(prefix.slice(hit + 1, last + 1)),
        fresh: tokensOf(prefix.slice(last + 1)),
      };
    },
  };
}

/** The sum in cost units: tokens at the list price of an input token. */
export function costOf(uses: readonly CacheUse[], price = listPrice): number {
  return uses.reduce((sum, use) => sum + use.read * price.read + use.write * price.write + use.fresh * price.fresh, 0);
}

export function totalOf(uses: readonly CacheUse[]): CacheUse {
  const sum = (pick: (use: CacheUse) => number) => uses.reduce((all, use) => all + pick(use), 0);
  return { read: sum(({ read }) => read), write: sum(({ write }) => write), fresh: sum(({ fresh }) => fresh) };
}

/** A value without the cache marks in it: marks may move without a change of the prompt. */
export function withoutMarks<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutMarks) as Value;
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => name !== "cache_control");
  return Object.fromEntries(kept.map(([name, one]) => [name, withoutMarks(one)])) as Value;
}

/** The system prompt's blocks without the line that the CLI puts first for billing, which is no part of the prompt. */
export function systemBlocks({ system }: MessagesBody): ContentBlock[] {
  return blocksOf(system).filter(({ text }) => !text?.startsWith("x-anthropic-billing-header: "));
}

/** One block of the prompt. */
interface Block {
  /** Of all up to and with it. */
  hash: string;
  tokens: number;
  isMarked: boolean;
}

function prefixOf(body: MessagesBody): Block[] {
  const blocks: Block[] = [];
  let hash = digest(body.model);
  const add = (kind: string, block: object) => {
    const text = JSON.stringify(withoutMarks(block));
    hash = digest(hash + kind + text);
    blocks.push({ hash, tokens: Math.ceil(text.length / 4), isMarked: "cache_control" in block });
  };
  for (const tool of (body.tools ?? []) as object[]) add("tool", tool);
  for (const block of systemBlocks(body)) add("system", block);
  hash = digest(hash + JSON.stringify([body.thinking ?? null, body.tool_choice ?? null]));
  for (const { role, content } of body.messages) for (const block of blocksOf(content)) add(role, block);
  return blocks;
}

/** Where the entry ends that is found from a mark; -1: there is none. */
function entryBefore(prefix: readonly Block[], mark: number, entries: ReadonlySet<string>): number {
  for (let at = mark; at >= Math.max(0, mark - lookback); at--) if (entries.has(prefix[at]!.hash)) return at;
  return -1;
}

function tokensOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { tokens }) => sum + tokens, 0);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
