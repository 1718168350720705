/** An answer's events on their way out: none goes before its first content, and its blocks are numbered without gaps. */

import type { BlockStart, TurnEvent } from "../core/turn.ts";

export interface Outlet {
  /** Whether anything went out. */
  readonly begun: boolean;
  /** How many blocks were opened. */
  readonly blocks: number;
  /** Goes out no sooner than the first content. */
  put(event: TurnEvent): void;
  /** Content has come: lets out what was held back. */
  flush(): void;
  /** Content: goes out now, after what was held back. */
  send(event: TurnEvent): void;
  /** Opens the next block and returns its index. */
  open(block: BlockStart): number;
  /** A piece of text; an empty one is none. */
  say(index: number, text: string): void;
}

export function createOutlet(emit: (event: TurnEvent) => void): Outlet {
  let held: TurnEvent[] = [];
  let begun = false;
  let blocks = 0;

  const put = (event: TurnEvent) => {
    if (begun) emit(event);
    else held.push(event);
  };
  const flush = () => {
    begun = true;
    for (const event of held) emit(event);
    held = [];
  };
  const send = (event: TurnEvent) => {
    flush();
    emit(event);
  };

  return {
    get begun() {
      return begun;
    },
    get blocks() {
      return blocks;
    },
    put,
    flush,
    send,
    open(block) {
      put({ type: "block_start", index: blocks, block });
      return blocks++;
    },
    say(index, text) {
      if (text !== "") send({ type: "delta", index, delta: { type: "text", text } });
    },
  };
}
