/**
 * Finds a stop text in an answer that arrives in pieces, also where it spans two of them. Each character is looked at
 * once (Knuth, Morris and Pratt): both texts are a client's to choose.
 */

export interface StopMatcher {
  /** `emit` may go out now; `matched` is the stop text that ends the answer, right behind `emit`. */
  push(text: string): { emit: string; matched: string | null };
  /** What was held back because it could have begun a stop text. */
  flush(): string;
}

export function matchStops(stops: readonly string[]): StopMatcher {
  const trackers = stops.map(createTracker);
  let held = "";

  return {
    push(text) {
      if (stops.length === 0) return { emit: text, matched: null };
      const all = held + text;
      for (let at = 0; at < text.length; at++) {
        // The one that ends first, so that it does not matter in which pieces the text came; of several the longest.
        let matched: string | null = null;
        for (const { stop, next } of trackers) {
          const isWhole = next(text.charCodeAt(at)) === stop.length;
          if (isWhole && stop.length > (matched?.length ?? 0)) matched = stop;
        }
        if (matched === null) continue;
        const end = held.length + at + 1;
        held = "";
        return { emit: all.slice(0, end - matched.length), matched };
      }
      const keep = trackers.reduce((longest, { matching }) => Math.max(longest, matching()), 0);
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

/** Follows how much of one stop text the answer ends with. */
function createTracker(stop: string) {
  let length = 0;
  /** For each beginning of the stop text, by its length less one: how much of the text it ends with again. */
  const borders = [0];
  const borderOf = (beginning: number): number => {
    for (let known = borders.length; known < beginning; known++) {
      let border = borders[known - 1] ?? 0;
      while (border > 0 && stop[border] !== stop[known]) border = borders[border - 1] ?? 0;
      borders.push(stop[border] === stop[known] ? border + 1 : 0);
    }
    return borders[beginning - 1] ?? 0;
  };
  return {
    stop,
    matching: () => length,
    /** Takes the answer's next UTF-16 unit; returns the new length. */
    next(unit: number): number {
      while (length > 0 && (length === stop.length || stop.charCodeAt(length) !== unit)) length = borderOf(length);
      if (stop.charCodeAt(length) === unit) length++;
      return length;
    },
  };
}
