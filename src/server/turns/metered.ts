/** Notes what a turn costs: what the model's side says, and an estimate of an answer that was cut off. */

import { estimateText } from "../../core/estimate.ts";
import type { Layer, Spent } from "../../core/ports.ts";
import { type BlockDelta, noUsage, type Usage } from "../../core/turn.ts";

export function metered(): Layer {
  return (next) =>
    async function* meter(conversation, context) {
      let known: Usage = noUsage;
      let ended = false;
      let output = 0;
      const usage = () => (ended ? known : { ...known, output: Math.max(known.output, Math.ceil(output)) });
      const spent: Spent = { path: null, reason: null, usage, begun: false, over: false, onOver: null };
      context.note.spent = spent;
      try {
        for await (const event of next(conversation, context)) {
          switch (event.type) {
            case "start":
              spent.path = event.path;
              spent.reason = event.reason;
              known = event.usage;
              break;
            case "block_start":
              if (event.block.type === "tool_use") spent.begun = true;
              break;
            case "delta":
              spent.begun = true;
              output += estimateText(textOf(event.delta));
              break;
            case "end":
              known = event.usage;
              ended = true;
              spent.begun = true;
              spent.over = true;
          }
          yield event;
        }
      } finally {
        spent.over = true;
        spent.onOver?.();
      }
    };
}

function textOf(delta: BlockDelta): string {
  switch (delta.type) {
    case "input_json":
      return delta.json;
    case "signature":
      return "";
    default:
      return delta.text;
  }
}
