/** A store of cached answers that lives as long as the test. */

import type { CacheEntry, CacheStore } from "../../src/core/store.ts";

export interface MemoryCache extends CacheStore {
  /** By hash, the least recently used first. */
  entries: Map<string, CacheEntry & { hits: number }>;
}

export function memoryCache(): MemoryCache {
  const entries: MemoryCache["entries"] = new Map();
  const bytes = () => [...entries.values()].reduce((sum, { answer }) => sum + Buffer.byteLength(answer), 0);
  const forget = (what: (entry: CacheEntry) => boolean) => {
    const gone = [...entries.values()].filter(what);
    for (const { hash } of gone) entries.delete(hash);
    return gone.length;
  };
  return {
    entries,
    get(hash, notBefore) {
      const entry = entries.get(hash);
      if (!entry || entry.createdAt < notBefore) return null;
      entry.hits++;
      entries.delete(hash);
      entries.set(hash, entry);
      return entry;
    },
    put(entry, maxBytes) {
      entries.delete(entry.hash);
      entries.set(entry.hash, { ...entry, hits: 0 });
      for (const oldest of entries.keys()) {
        if (bytes() <= maxBytes) break;
        entries.delete(oldest);
      }
    },
    stats: () => ({
      entries: entries.size,
      hits: [...entries.values()].reduce((sum, { hits }) => sum + hits, 0),
      bytes: bytes(),
    }),
    clear: () => forget(() => true),
    prune: (at) => forget(({ createdAt }) => createdAt < at),
  };
}
