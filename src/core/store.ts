/**
 * What the server wants of the store; `src/store` fulfils it with SQLite. All times are epoch ms. Everything may throw
 * OcpError not_ready: the disk is full or fails, the database is damaged or locked.
 */

import type { Period } from "./periods.ts";
import type { ProcessPath, StartReason, Usage } from "./turn.ts";

export interface Store {
  keys: KeyStore;
  usage: UsageStore;
  cache: CacheStore;
  settings: SettingsStore;
  planSamples: PlanSamples;
  close(): void;
}

/** For each period how much is allowed; null is without limit, 0 is nothing. */
export type Limits = Record<Period, number | null>;

export interface KeyRecord {
  id: number;
  name: string;
  /** The secret's first eight and last four characters, with `...` between. */
  preview: string;
  createdAt: number;
  /** Null: never. */
  expiresAt: number | null;
  revokedAt: number | null;
  requests: Limits;
  /** Input, cached or not, and output together. */
  tokens: Limits;
}

/** What changes a key throws OcpError not_found when there is none of this id. */
export interface KeyStore {
  /**
   * `secret` is told this once: only its hash is kept. Throws OcpError conflict when the name is taken; a revoked
   * key's name is free again.
   */
  create(name: string, expiresAt: number | null): { key: KeyRecord; secret: string };
  /** The key of this secret, also a revoked or expired one; null: there is none. */
  bySecret(secret: string): KeyRecord | null;
  /** By id (all digits) or by name; a name of digits wins over an id. A revoked key only by its id. */
  find(idOrName: string): KeyRecord | null;
  /** Revoked ones too, oldest first. */
  list(): KeyRecord[];
  /** Throws OcpError conflict when the name is taken. */
  rename(id: number, name: string): KeyRecord;
  /** A new secret for the same key; the old one is void at once. Throws OcpError conflict when the key is revoked. */
  rotate(id: number): { key: KeyRecord; secret: string };
  /** Idempotent; keeps the time of the first. */
  revoke(id: number): KeyRecord;
  setExpiry(id: number, expiresAt: number | null): KeyRecord;
  /** Changes only the periods that are named. */
  setLimits(id: number, kind: "requests" | "tokens", limits: Partial<Limits>): KeyRecord;
}

/** How an answer relates to the response cache; `follower` got the stream of an identical request, as it came. */
export type CacheOutcome = "off" | "bypass" | "miss" | "hit" | "follower";

/** One turn, however it ended. */
export interface UsageRow {
  /** When it ended. */
  at: number;
  requestId: string;
  principalId: string;
  /** Null: no key of a person or device. */
  keyId: number | null;
  /** The principal's name at that time. */
  name: string;
  dialect: Dialect;
  /** The canonical id. */
  model: string;
  tokens: Usage;
  /** Characters of the system prompt and all texts of the messages, and of the answer's texts. */
  promptChars: number;
  answerChars: number;
  /** Ms: in the queue, until the first piece of the answer (null: there was none), and in all. */
  queuedMs: number;
  firstMs: number | null;
  totalMs: number;
  /** `ok`, `client_left`, or the code of an OcpError. */
  outcome: string;
  /** The kind of process that answered; null: none did. */
  path: ProcessPath | null;
  /** Why it was not the process that held the conversation; null: it was, or none answered, or the row is older than this. */
  reason: StartReason | null;
  cache: CacheOutcome;
  /** What counts against the key's quotas: 1 or 0 requests, and tokens. */
  charged: { requests: 0 | 1; tokens: number };
}

/** Turns of one hour that no process answered and that have no row of their own, added up. */
export interface CountedTurns {
  /** Its beginning. */
  hour: number;
  principalId: string;
  /** The principal's name at that time. */
  name: string;
  /** The canonical id, or `other`. */
  model: string;
  outcome: string;
  cache: CacheOutcome;
  /** When the first and the last of them ended. */
  first: number;
  last: number;
  requests: number;
  promptChars: number;
  answerChars: number;
  /** Ms of the turns that were ok, together, and of the longest. */
  totalMs: number;
  maxMs: number;
}

export type Dialect = "chat" | "responses" | "messages";

/** `since` inclusive, `until` exclusive. */
export interface UsageQuery {
  since: number;
  until: number;
  /** Null: everybody's. */
  principalId: string | null;
}

/** Which turns alone are wanted. */
export interface UsageFilter {
  model?: string;
  /** Those that ended with an error, and were not left by their client. */
  failed?: boolean;
}

/** Fractions of the session's and the week's limit; null: not known. `at`: epoch ms. */
export interface PlanSample {
  at: number;
  session: number | null;
  week: number | null;
}

export interface PlanSamples {
  add(sample: PlanSample): void;
  /** Oldest first. */
  since(at: number): PlanSample[];
  /** Forgets those before. */
  prune(at: number): void;
}

/** Sums over rows. */
export interface UsageSums {
  requests: number;
  ok: number;
  /** Neither ok nor left by their client. */
  errors: number;
  /** Answers from the cache, and followers of another request. */
  cached: number;
  tokens: Usage;
  promptChars: number;
  answerChars: number;
  /** Ms of the turns that were ok, together, and of the longest. */
  totalMs: number;
  maxMs: number;
}

export interface UsageStore {
  /** Committed when it returns. */
  record(row: UsageRow): void;
  /** Adds to what was counted before. Committed when it returns. A report that cuts an hour has them where the last one is. */
  count(turns: readonly CountedTurns[]): void;
  /** What has been charged to a key in the periods (periods.ts) that `at` lies in. */
  used(keyId: number, at: number): Record<Period, { requests: number; tokens: number }>;
  /** A key's `name` is today's; who used most comes first. */
  byPrincipal(query: UsageQuery): Array<{ principalId: string; name: string; first: number; last: number } & UsageSums>;
  byModel(query: UsageQuery): Array<{ model: string } & UsageSums>;
  /** By the hour; hours without a row are left out. Oldest first. */
  timeline(query: UsageQuery): Array<{ hour: number } & UsageSums>;
  /** The same, also by the model or by the principal. */
  series(query: UsageQuery, by: "model" | "principal"): Array<{ hour: number; subject: string } & UsageSums>;
  /** Newest first. `before`: only rows that come after the one of this id in that order, also when it is gone. */
  recent(query: UsageQuery & UsageFilter, limit: number, before?: number): Array<UsageRow & { id: number }>;
  /** Returns the counts that overlap the query's time, newest first. */
  counted(query: UsageQuery & UsageFilter, limit: number): CountedTurns[];
  /** Of the last turns that a process has answered to the end, newest first. */
  times(query: UsageQuery, limit: number): Array<{ firstMs: number | null; totalMs: number }>;
  /**
   * Forgets single rows of the hours before `at`, and sums from before `sumsAt` whose rows are gone. Takes a bounded
   * bite, since all else waits meanwhile: to be called again and again. Returns how many rows went, 0 when none is
   * left. From then on a report counts an hour whole that it cuts and whose rows are gone. What was counted goes as rows do.
   */
  prune(at: number, sumsAt: number): number;
}

export interface CacheEntry {
  /** A SHA-256 in base64url. */
  hash: string;
  principalId: string;
  /** The canonical id. */
  model: string;
  /** What was answered, as the cache wrote it. */
  answer: string;
  createdAt: number;
}

export interface CacheStore {
  /** Counts a hit. Entries from before `notBefore` are none. */
  get(hash: string, notBefore: number, now: number): CacheEntry | null;
  /**
   * Replaces, by nothing when the answer is larger than `maxBytes`; then the least recently used go until all answers
   * together fit into `maxBytes`.
   */
  put(entry: CacheEntry, maxBytes: number): void;
  stats(): { entries: number; hits: number; bytes: number };
  /** Leaves nothing of them on disk; returns how many there were. */
  clear(): number;
  /** Forgets entries from before `at`. */
  prune(at: number): number;
}

/** Settings that were changed while the server ran. */
export interface SettingsStore {
  all(): Map<string, string>;
  set(name: string, value: string): void;
  unset(name: string): void;
}
