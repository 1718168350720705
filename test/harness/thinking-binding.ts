/**
 * Signs thinking as the API does since 2026-08-31: with all that stood before it (system prompt, tools, messages). A
 * signature that comes back behind anything else is invalid, and the API refuses the request.
 *
 *     const binding = createThinkingBinding();
 *     startSimulator({ scenario: bound(binding, scenario) });
 *     // ... a session ...
 *     expect(binding.checks.flatMap(({ refused }) => refused)).toEqual([]);
 *
 * Cache marks, the CLI's billing line in the system prompt and the cut of a turn into several messages of one role are no
 * part of what is signed.
 */

import { createHash } from "node:crypto";
import { blocksOf, type ContentBlock, type MessagesBody } from "../../src/demo/request.ts";
import type { ErrorScript, ScriptBlock } from "../../src/demo/script.ts";
import type { Scenario } from "../../src/demo/simulator.ts";
import { systemBlocks, withoutMarks } from "./prompt-cache.ts";

export interface BindingCheck {
  /** Signed thinking that the request brought back. */
  blocks: number;
  refused: RefusedThinking[];
}

export interface RefusedThinking {
  /** Where it stands in the request, from 0. */
  message: number;
  block: number;
  /** What differs from the prefix that it was made with. */
  why: string;
}

export interface ThinkingBinding {
  /** Those of all requests that were checked, in their order. */
  readonly checks: readonly BindingCheck[];
  /** A signature for thinking that answers this request. Each is another one. */
  sign(body: MessagesBody): string;
  check(body: MessagesBody): BindingCheck;
}

interface Prefix {
  system: string;
  tools: string;
  messages: string[];
}

const scheme = "bound";

export function createThinkingBinding(): ThinkingBinding {
  const checks: BindingCheck[] = [];
  const signed = new Map<string, Prefix>();
  return {
    checks,
    sign(body) {
      const prefix = prefixOf(body, body.messages.length);
      const signature = `${scheme}.${digest(prefix)}.${crypto.randomUUID().slice(0, 8)}`;
      signed.set(signature, prefix);
      return signature;
    },
    check(body) {
      const check: BindingCheck = { blocks: 0, refused: [] };
      for (const [message, { content }] of body.messages.entries()) {
        for (const [block, { type, signature }] of blocksOf(content).entries()) {
          if (type !== "thinking" || typeof signature !== "string" || !signature.startsWith(`${scheme}.`)) continue;
          check.blocks++;
          const now = prefixOf(body, message);
          if (signature.split(".")[1] === digest(now)) continue;
          check.refused.push({ message, block, why: difference(signed.get(signature), now) });
        }
      }
      checks.push(check);
      return check;
    },
  };
}

/** The API's refusal of the request, or undefined where all its thinking is valid. */
export function refusalOf({ refused: [first] }: BindingCheck): ErrorScript | undefined {
  if (!first) return undefined;
  const place = `messages.${first.message}.content.${first.block}`;
  return { status: 400, message: `${place}: Invalid \`signature\` in \`thinking\` block` };
}

export interface BoundOptions {
  /** Answers a request with invalid thinking as the API does, instead of only counting it. */
  refuses?: boolean;
}

/**
 * A scenario whose thinking is signed; a script says where there is some, and it goes where the request turns thinking off.
 * Its text goes where the request asks to omit it, as the API sends a signature alone then.
 */
export function bound(binding: ThinkingBinding, scenario: Scenario, { refuses = false }: BoundOptions = {}): Scenario {
  return async (request) => {
    const { body, path } = request;
    if (!body || path !== "/v1/messages") return scenario(request);
    const check = binding.check(body);
    const refusal = refuses ? refusalOf(check) : undefined;
    if (refusal) return refusal;
    const script = await scenario(request);
    return script && "blocks" in script ? { ...script, blocks: signed(script.blocks, binding, body) } : script;
  };
}

function signed(blocks: readonly ScriptBlock[], binding: ThinkingBinding, body: MessagesBody): ScriptBlock[] {
  const { type, display } = (body.thinking ?? {}) as { type?: unknown; display?: unknown };
  return blocks.flatMap((block) => {
    if (typeof block === "string" || block.type !== "thinking") return block;
    if (type === undefined || type === "disabled") return [];
    const thinking = display === "omitted" ? [] : block.thinking;
    return { ...block, thinking, signature: binding.sign(body) };
  });
}

/** What stands before a message, each part as text. */
function prefixOf(body: MessagesBody, before: number): Prefix {
  const tools = ((body.tools ?? []) as Array<Record<string, unknown>>).map(({ name, description, input_schema }) => [
    name,
    description,
    input_schema,
  ]);
  return {
    system: systemBlocks(body)
      .map(({ text }) => text)
      .join("\n"),
    tools: JSON.stringify(tools),
    messages: turnsOf(body, before).map((turn) => JSON.stringify(turn)),
  };
}

/** The messages before that place without marks; those of one role that follow one another are one. */
function turnsOf({ messages }: MessagesBody, before: number): Array<{ role: string; content: ContentBlock[] }> {
  const turns: Array<{ role: string; content: ContentBlock[] }> = [];
  for (const { role, content } of messages.slice(0, before)) {
    const blocks = withoutMarks(blocksOf(content));
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  }
  return turns;
}

function digest(prefix: Prefix): string {
  return createHash("sha256").update(JSON.stringify(prefix)).digest("base64url").slice(0, 24);
}

/** The two texts from shortly before the place where they part. */
function parted(was = "nothing", now = "nothing"): string {
  let at = 0;
  while (at < was.length && was[at] === now[at]) at++;
  const [from, to] = [Math.max(0, at - 30), at + 120];
  return `${was.slice(from, to)} became ${now.slice(from, to)}`;
}

function difference(was: Prefix | undefined, now: Prefix): string {
  if (!was) return "the signature is from elsewhere";
  if (was.system !== now.system) return `system: ${was.system.length} characters became ${now.system.length}`;
  if (was.tools !== now.tools) return `tools: ${was.tools.length} characters became ${now.tools.length}`;
  const length = Math.max(was.messages.length, now.messages.length);
  const at = Array.from({ length }, (_, index) => index).find((index) => was.messages[index] !== now.messages[index]);
  if (at === undefined) return "the signature was changed";
  return `message ${at}: ${parted(was.messages[at], now.messages[at])}`;
}
