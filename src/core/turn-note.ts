/** A turn's note before anything is known. */

import type { TurnNote } from "./ports.ts";

export function freshNote(): TurnNote {
  return { queuedMs: 0, cache: "off", outputLimit: null, share: null, spent: null };
}
