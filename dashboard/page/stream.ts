/** The stream of what happens: one for the whole page, which comes back by itself. */

import type { Json } from "./api.ts";

export interface Live {
  state: Json | null;
  /** Newest first, a handful. */
  ended: Json[];
  connected: boolean;
}

const keptTurns = 30;
/** Ms until the next try where the browser has given up, as it does on an error of HTTP. */
const retry = 2_000;

/** Calls back after each change; returns how to end it. */
export function follow(onChange: (live: Live) => void): () => void {
  let live: Live = { state: null, ended: [], connected: false };
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const change = (next: Partial<Live>) => {
    live = { ...live, ...next };
    onChange(live);
  };
  const open = () => {
    source = new EventSource("/events");
    source.addEventListener("state", ({ data }) =>
      change({ state: { ...JSON.parse(data), heard: Date.now() }, connected: true }),
    );
    source.addEventListener("turn", ({ data }) => {
      change({ ended: [JSON.parse(data), ...live.ended].slice(0, keptTurns), connected: true });
    });
    source.onerror = () => {
      if (live.connected) change({ connected: false });
      if (source?.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      timer = setTimeout(open, retry);
    };
  };
  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
