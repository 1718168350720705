/** The stream of what happens: one for the whole page, which comes back by itself. */

import type { Json } from "./api.ts";

export interface Live {
  state: Json | null;
  /** The conversations; null: not told yet. */
  sessions: Json | null;
  /** Newest first, a handful. */
  ended: Json[];
  connected: boolean;
}

const keptTurns = 30;
/** Ms until the next try where the browser has given up, as it does on an error of HTTP. */
const retry = 2_000;

/**
 * Opens a stream while the page is to be seen: one that nobody looks at holds one of the few connections that a browser
 * has for a server. `begin` sets up a new one; returns how to end it all.
 */
export function whileVisible(begin: () => EventSource, onLost: () => void): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    const mine = begin();
    source = mine;
    mine.onerror = () => {
      if (source !== mine) return;
      onLost();
      if (mine.readyState === EventSource.CLOSED) timer = setTimeout(open, retry);
    };
  };
  document.addEventListener("visibilitychange", open);
  open();
  return () => {
    document.removeEventListener("visibilitychange", open);
    close();
  };
}

/** Calls back after each change, and at each loss; returns how to end it. */
export function follow(onChange: (live: Live) => void, onLost: () => void): () => void {
  let live: Live = { state: null, sessions: null, ended: [], connected: false };
  let lastId = "";
  const change = (next: Partial<Live>) => {
    live = { ...live, ...next };
    onChange(live);
  };
  const begin = () => {
    const source = new EventSource(`/events?after=${encodeURIComponent(lastId)}`);
    source.addEventListener("state", ({ data, lastEventId }) => {
      lastId = lastEventId;
      change({ state: { ...JSON.parse(data), heard: Date.now() }, connected: true });
    });
    source.addEventListener("sessions", ({ data }) => change({ sessions: JSON.parse(data) }));
    source.addEventListener("turn", ({ data, lastEventId }) => {
      lastId = lastEventId;
      change({ ended: [JSON.parse(data), ...live.ended].slice(0, keptTurns), connected: true });
    });
    return source;
  };
  return whileVisible(begin, () => {
    onLost();
    if (live.connected) change({ connected: false });
  });
}
