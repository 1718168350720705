/** Turns as the engine answers them, written short. */

import type { BlockDelta, BlockStart, StopReason, TurnEvent, Usage } from "../../src/core/turn.ts";
import type { ChatMeta } from "../../src/wire/openai-chat/encode.ts";

export const usage: Usage = { input: 10, cacheRead: 200, cacheWrite: 30, output: 7, thinking: 4 };
export const meta: ChatMeta = {
  id: "chatcmpl-a1B2",
  created: 1_790_000_000,
  model: "opus",
  includeUsage: false,
  legacyCalls: false,
};

export const start: TurnEvent = {
  type: "start",
  model: "claude-opus-5-5",
  usage: { ...usage, output: 1, thinking: 0 },
  path: "new",
  reason: "new",
  ignored: [],
};

/** One block with its deltas. */
export function block(index: number, opening: BlockStart, ...deltas: BlockDelta[]): TurnEvent[] {
  return [
    { type: "block_start", index, block: opening },
    ...deltas.map((delta): TurnEvent => ({ type: "delta", index, delta })),
    { type: "block_stop", index },
  ];
}

export const text = (index: number, ...texts: string[]) =>
  block(index, { type: "text" }, ...texts.map((each): BlockDelta => ({ type: "text", text: each })));

export const call = (index: number, id: string, name: string, ...fragments: string[]) =>
  block(index, { type: "tool_use", id, name }, ...fragments.map((json): BlockDelta => ({ type: "input_json", json })));

export const end = (stop: StopReason): TurnEvent => ({ type: "end", stop, stopSequence: null, usage });

/** Everything that a turn may hold. */
export const richTurn: TurnEvent[] = [
  start,
  ...block(0, { type: "thinking" }, { type: "thinking", text: "hm" }, { type: "signature", signature: "sig" }),
  ...block(1, { type: "redacted_thinking", data: "sealed" }),
  ...text(2, "Hel", "", 'lo \u2028"\n\u{1F600}'),
  ...call(3, "toolu_01-A", "get_weather", "", '{"city":', '"Bern"}'),
  ...call(4, "toolu_02_B", "now"),
  end("tool_use"),
];

/** The events one by one, and then the failure, if there is one. */
export async function* turn(events: TurnEvent[], failure?: unknown): AsyncGenerator<TurnEvent, void, void> {
  yield* events;
  if (failure !== undefined) throw failure;
}
