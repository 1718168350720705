/** The turns that wait or run at this moment, and those that have just ended: what a page shows as it happens. */

import { estimateText } from "../core/estimate.ts";
import type { Layer } from "../core/ports.ts";
import type { UsageRow } from "../core/store.ts";
import type { ProcessPath, StartReason } from "../core/turn.ts";

export interface LiveTurn {
  requestId: string;
  name: string;
  model: string;
  dialect: UsageRow["dialect"];
  /** Epoch ms. */
  since: number;
  /** Null: it waits, or its process has not begun to answer. */
  path: ProcessPath | null;
  /** Why the process did not hold the conversation before; null: it did, or it is not known yet. */
  reason: StartReason | null;
  /** Ms until the first piece of the answer; null: there was none yet. */
  firstMs: number | null;
  /** An estimate of the tokens of the answer so far. */
  tokens: number;
}

/** `row`: with its place in the order of all that have ended since the start. */
export interface EndedTurn {
  seq: number;
  row: UsageRow;
}

export interface Live {
  layer: Layer;
  /** To be called with the row of each turn that has ended. */
  ended(row: UsageRow): void;
  running(): LiveTurn[];
  /** Those after this one; null when some of them are forgotten. */
  since(seq: number): EndedTurn[] | null;
  /** All that are remembered. */
  recent(): EndedTurn[];
  last(): number;
  /** Calls back soon after something has changed, and not more often than now and then; returns how to end that. */
  watch(onChange: () => void): () => void;
}

/** How many ended turns a page that lost its connection may have missed. */
const remembered = 200;
const soonest = 250;

/** `clock`: epoch ms. */
export function createLive(clock: () => number): Live {
  const turns = new Map<symbol, LiveTurn>();
  const ended: EndedTurn[] = [];
  const watchers = new Set<() => void>();
  let seq = 0;
  let timer: Timer | undefined;

  /** Nothing is scheduled while nobody looks. */
  const changed = () => {
    if (watchers.size === 0 || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      for (const watcher of watchers) watcher();
    }, soonest);
    timer.unref();
  };

  return {
    layer: (next) =>
      async function* follow(conversation, context) {
        const id = Symbol();
        const turn: LiveTurn = {
          requestId: context.requestId,
          name: context.principal.name,
          model: conversation.model,
          dialect: context.dialect,
          since: clock(),
          path: null,
          reason: null,
          firstMs: null,
          tokens: 0,
        };
        turns.set(id, turn);
        changed();
        try {
          for await (const event of next(conversation, context)) {
            if (event.type === "start") {
              turn.path = event.path;
              turn.reason = event.reason;
            } else if (event.type === "delta") {
              turn.firstMs ??= clock() - turn.since;
              const { delta } = event;
              turn.tokens +=
                delta.type === "signature" ? 0 : estimateText(delta.type === "input_json" ? delta.json : delta.text);
            }
            changed();
            yield event;
          }
        } finally {
          turns.delete(id);
          changed();
        }
      },
    ended(row) {
      ended.push({ seq: ++seq, row });
      if (ended.length > remembered) ended.shift();
      changed();
    },
    running: () => [...turns.values()].map((turn) => ({ ...turn, tokens: Math.round(turn.tokens) })),
    since(after) {
      const [oldest] = ended;
      if (after > seq || (oldest !== undefined && after < oldest.seq - 1)) return null;
      return ended.filter((each) => each.seq > after);
    },
    recent: () => [...ended],
    last: () => seq,
    watch(onChange) {
      watchers.add(onChange);
      return () => watchers.delete(onChange);
    },
  };
}
