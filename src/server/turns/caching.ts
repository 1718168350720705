/**
 * The response cache: an identical question of the same principal gets the answer that was kept, or follows the turn
 * that is being asked it at this moment. Neither spends anything: no place in the queue, no quota, no request upstream.
 */

import type { Config } from "../../config/settings.ts";
import { cacheKey, isCacheable } from "../../core/cache-key.ts";
import { answerOf, type CachedAnswer, type CacheStats, parseAnswer, replayAnswer } from "../../core/cached-answer.ts";
import type { Conversation } from "../../core/conversation.ts";
import { reasonOf } from "../../core/journal.ts";
import type { Layer, RequestContext, Runner } from "../../core/ports.ts";
import type { Principal } from "../../core/principal.ts";
import type { Seldom } from "../../core/seldom.ts";
import type { CacheStore } from "../../core/store.ts";
import type { TurnEvent } from "../../core/turn.ts";
import { createFlight, type Flight } from "./flight.ts";

export interface CachingOptions {
  store: CacheStore;
  /** Ms for which an answer is kept; 0 turns all of this off. Asked at every request, as are the others. */
  ttl: () => number;
  /** Bytes of all answers together. */
  maxBytes: () => number;
  /** Stands for the configuration that answers depend on. */
  epoch: () => string;
  /** Returns whether the model may use tools of this host for this caller: then nothing of it is cached. */
  usesHostTools: (principal: Principal) => boolean;
  /** Epoch ms. */
  clock: () => number;
  warn: Seldom;
}

export interface Caching {
  /** Says in `note.cache`, before it first waits, what became of the request. A `follower`'s note may become `miss`. */
  around: Layer;
  /** Throws what the store throws. */
  stats(): CacheStats;
  /** Returns how many answers there were. Throws what the store throws. */
  clear(): number;
}

export function createCaching({ store, ttl, maxBytes, epoch, usesHostTools, clock, warn }: CachingOptions): Caching {
  /** By cache key. */
  const flights = new Map<string, Flight>();

  /** A cache that cannot be read or written costs a turn, but no answer. */
  function attempt<T>(what: string, action: () => T): T | null {
    try {
      return action();
    } catch (error) {
      warn(`the response cache cannot be ${what}`, { problem: reasonOf(error) });
      return null;
    }
  }

  function find(hash: string, principalId: string): CachedAnswer | null {
    const now = clock();
    const entry = attempt("read", () => store.get(hash, now - ttl(), now));
    // Were the clock set back, an entry from then on would seem young for ever.
    const isOurs = entry?.principalId === principalId && entry.createdAt <= now;
    return isOurs ? parseAnswer(entry.answer) : null;
  }

  function keep(hash: string, principalId: string, model: string, events: readonly TurnEvent[]): void {
    const whole = answerOf(events);
    if (whole === null || ttl() === 0) return;
    const answer = JSON.stringify(whole);
    if (Buffer.byteLength(answer) > maxBytes()) return;
    attempt("written", () => store.put({ hash, principalId, model, answer, createdAt: clock() }, maxBytes()));
  }

  function launch(hash: string, next: Runner, conversation: Conversation, context: RequestContext): Flight {
    const flight = createFlight({
      begin: (signal, note) => next(conversation, { ...context, signal, note }),
      onEnd: (events) => keep(hash, context.principal.id, conversation.model, events),
      onClosed: () => flights.delete(hash),
    });
    flights.set(hash, flight);
    return flight;
  }

  return {
    around: (next) =>
      async function* (conversation, context) {
        const { principal, signal, note } = context;
        signal.throwIfAborted();
        if (ttl() === 0 || context.bypassCache || usesHostTools(principal) || !isCacheable(conversation)) {
          note.cache = ttl() === 0 ? "off" : "bypass";
          yield* next(conversation, context);
          return;
        }
        const hash = cacheKey(principal.id, conversation, epoch());
        const running = flights.get(hash);
        const kept = running ? null : find(hash, principal.id);
        if (kept === null) {
          yield* (running ?? launch(hash, next, conversation, context)).read(signal, note);
          return;
        }
        note.cache = "hit";
        for (const event of replayAnswer(kept)) {
          yield event;
          signal.throwIfAborted();
        }
      },
    stats() {
      const { entries, hits, bytes } = store.stats();
      return {
        entries,
        totalHits: hits,
        sizeBytes: bytes,
        inflight: flights.size,
        requesters: [...flights.values()].reduce((sum, flight) => sum + flight.readers(), 0),
        ttl: ttl(),
        maxBytes: maxBytes(),
      };
    },
    clear: () => store.clear(),
  };
}

/** Everything of the configuration that answers depend on, as one text. */
export function epochOf(config: Config, demo: boolean): string {
  const { systemPrompt, allowedTools, mcpConfig, skipPermissions, maxPromptChars, spawnRealHome, upstreamUrl } = config;
  const parts = [systemPrompt, allowedTools, mcpConfig, skipPermissions, maxPromptChars, spawnRealHome, upstreamUrl];
  return JSON.stringify([demo, ...parts]);
}
