/** How a conversation looks to clients. */

import type { SessionInfo } from "../core/ports.ts";
import type { KeyStore } from "../core/store.ts";

/** `principal`: whose it is; null where only its own owner sees it. */
export function viewSession(session: SessionInfo, principal: string | null) {
  const { input, cacheRead, cacheWrite, output } = session.usage;
  return {
    id: session.id,
    ...(principal === null ? {} : { principal }),
    /** Null while it hibernates, and then `ended` says why. */
    pid: session.pid,
    model: session.model,
    state: session.state,
    ended: session.reason,
    messages: session.messages,
    turns: session.turns,
    tokens: { input, cache_read: cacheRead, cache_write: cacheWrite, output },
    /** The part of the input that was read from the prompt cache; null: there was no input yet. */
    cacheHit: cacheHit([session]),
    /** How often the history was entered into another process, by the reason. */
    rebuilds: session.rebuilds,
    createdAt: new Date(session.since).toISOString(),
    lastUsedAt: new Date(session.usedAt).toISOString(),
  };
}

/** The names that keys have now, by the principal's id. Throws what the store throws. */
export function principalNames(keys: Pick<KeyStore, "list">): Map<string, string> {
  return new Map(keys.list().map(({ id, name }) => [`key-${id}`, name]));
}

/** The `most` conversations that were used last, with whose each is, and what all of them amount to. */
export function viewSessions(sessions: readonly SessionInfo[], names: ReadonlyMap<string, string>, most: number) {
  const latest = sessions.toSorted((a, b) => b.usedAt - a.usedAt).slice(0, most);
  return {
    sessions: latest.map((session) => viewSession(session, names.get(session.principalId) ?? session.principalId)),
    total: sessions.length,
    hibernated: sessions.filter(({ state }) => state === "hibernated").length,
    cacheHit: cacheHit(sessions),
  };
}

/** Null: there was no input yet. */
function cacheHit(sessions: readonly SessionInfo[]): number | null {
  const sum = (kind: "input" | "cacheRead" | "cacheWrite") => sessions.reduce((all, { usage }) => all + usage[kind], 0);
  const entered = sum("input") + sum("cacheRead") + sum("cacheWrite");
  return entered === 0 ? null : Math.round((10_000 * sum("cacheRead")) / entered) / 10_000;
}
