/** The API's usage objects as ours. */

import type { Usage } from "../core/turn.ts";

/** `seen` overrides what was known; figures that it leaves out stay. */
export function mergeUsage(known: Usage, seen: unknown): Usage {
  if (typeof seen !== "object" || seen === null) return known;
  const figures = seen as Record<string, unknown>;
  const details = (figures.output_tokens_details ?? {}) as Record<string, unknown>;
  const pick = (value: unknown, fallback: number) => (typeof value === "number" ? value : fallback);
  return {
    input: pick(figures.input_tokens, known.input),
    cacheRead: pick(figures.cache_read_input_tokens, known.cacheRead),
    cacheWrite: pick(figures.cache_creation_input_tokens, known.cacheWrite),
    output: pick(figures.output_tokens, known.output),
    thinking: pick(details.thinking_tokens, known.thinking),
  };
}

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    output: a.output + b.output,
    thinking: a.thinking + b.thinking,
  };
}
