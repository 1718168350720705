/** Finds a stop text in an answer that arrives in pieces, also where it spans two of them. */

export interface StopMatcher {
  /** `emit` may go out now; `matched` is the stop text that ends the answer, right behind `emit`. */
  push(text: string): { emit: string; matched: string | null };
  /** What was held back because it could have begun a stop text. */
  flush(): string;
}

export function matchStops(stops: readonly string[]): StopMatcher {
  let held = "";

  /** The length of the longest end of `text` that begins a stop text. */
  const suspended = (text: string): number => {
    let longest = 0;
    for (const stop of stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  };

  return {
    push(text) {
      if (stops.length === 0) return { emit: text, matched: null };
      const all = held + text;
      // The one that ends first, so that it does not matter in which pieces the text came.
      let end = Number.POSITIVE_INFINITY;
      let matched: string | null = null;
      for (const stop of stops) {
        const found = all.indexOf(stop);
        const ending = found + stop.length;
        if (found >= 0 && (ending < end || (ending === end && stop.length > (matched?.length ?? 0)))) {
          end = ending;
          matched = stop;
        }
      }
      if (matched !== null) {
        held = "";
        return { emit: all.slice(0, end - matched.length), matched };
      }
      const keep = suspended(all);
      held = all.slice(all.length - keep);
      return { emit: all.slice(0, all.length - keep), matched: null };
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}
