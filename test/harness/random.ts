/** Chance that can be repeated: the same seed gives the same choices. */

export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from 0, below `below`. */
  int(below: number): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** In proportion to the weights. */
  weighted<Item extends { weight: number }>(items: readonly Item[]): Item;
}

/** `seed`: a whole number. The generator is Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  return {
    next,
    int,
    between: (least, most) => least + int(most - least + 1),
    chance: (probability) => next() < probability,
    pick: <Item>(items: readonly Item[]) => items[int(items.length)] as Item,
    weighted(items) {
      let left = next() * items.reduce((sum, { weight }) => sum + weight, 0);
      for (const item of items) {
        left -= item.weight;
        if (left < 0) return item;
      }
      return items.at(-1)!;
    },
  };
}
