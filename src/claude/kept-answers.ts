/**
 * The exact answers of conversations that may come back: clients return them without thinking, trimmed or written anew,
 * and a process that is to go on with the conversation needs them as the model wrote them.
 */

import type { AssistantBlock } from "../core/conversation.ts";
import type { KeptConversation, SessionDisk } from "../core/kept-sessions.ts";
import type { Log } from "../core/ports.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { createMirror } from "./kept-mirror.ts";
import { createShelf, type ShelfAnswer, type ShelfConversation } from "./kept-shelf.ts";
import { normalisedId } from "./names.ts";

export type { KeptConversation } from "../core/kept-sessions.ts";

export interface KeptAnswer {
  principalId: string;
  /** Of the conversation up to and with this answer (fingerprint.ts). */
  print: Fingerprint;
  /** The conversation that it belongs to (SessionInfo.id, unique over restarts). */
  conversationId: string;
  /** The model that wrote it, as the API names it. */
  model: string;
  /** Exactly as the model wrote it: thinking with signatures, redacted thinking, texts, calls. */
  content: readonly AssistantBlock[];
  /** How hard it was to think; null: not known. 2.1.332 tells Claude 5.x at which answer that changed. */
  effort: string | null;
  /** When it was asked, epoch ms. */
  at: number;
  /** What stood beside the results that it answers went into them. */
  isFolded: boolean;
  /** How many of the answers before it the model had exactly as it gave them. */
  behind: number;
}

export interface KeptAnswers {
  /**
   * Answers that a fork has from its origin are kept for it too, so that they live as long as either; held twice, they
   * take no more memory. A second answer of a conversation with the same fingerprint replaces the first.
   */
  keep(answer: KeptAnswer): void;
  /**
   * Null: not kept (any more), or another principal's. Several may read the same and be thought otherwise: this
   * conversation's goes first, then the newest.
   */
  find(principalId: string, print: Fingerprint, conversationId?: string): KeptAnswer | null;
  /** The answer that made this call; `callId` in any spelling (normalisedId). Of several as `find` does. */
  byCall(principalId: string, callId: string, conversationId?: string): KeptAnswer | null;
  /** The answers that made a call of this id, the newest first: some gateways give the same id again and again. */
  callers(principalId: string, callId: string): KeptAnswer[];
  /** A conversation was continued or looked at: all its answers live on. */
  touch(conversationId: string): void;
  /** Forgets all of a principal, or all (ocp clear). */
  clear(principalId?: string): void;
  /** Conversations that may come back, newest use first; of one principal or all. */
  conversations(principalId?: string): KeptConversation[];
  /** The conversation of this id, or the last used one that ended in this fingerprint. */
  conversation(principalId: string, id: string | { head: Fingerprint }): KeptConversation | null;
  /** Called when a conversation gains or loses its process. */
  note(conversation: KeptConversation): void;
  /** To be called when a setting has changed. */
  reconsider(): void;
  /** Writes what waits for the disk. */
  close(): Promise<void>;
}

export interface KeptAnswersOptions {
  /** OCP_SESSION_KEEP, hours; 0: nothing is written to disk. This and the next are asked when they are needed. */
  hours: () => number;
  /** OCP_SESSION_MAX_BYTES. */
  maxBytes: () => number;
  /** Null: there is none. */
  disk: SessionDisk | null;
  /** Tells that a principal will never ask again, or that it is another one than asked at that time. */
  isGone: (principalId: string, at: number) => boolean;
  log: Log;
  /** Epoch ms. */
  now: () => number;
}

const hour = 3_600_000;
/** Ms in memory since the last use: people come back to their work the next day. */
const memoryTime = 24 * hour;
/** How many answers that made a call of the same id are looked at. */
const callersMax = 16;
/** Ms between two looks for what is too old. */
const sweepInterval = 30_000;

export function createKeptAnswers(options: KeptAnswersOptions): KeptAnswers {
  const { hours, maxBytes, disk, isGone, log, now } = options;
  const shelf = createShelf(maxBytes, (id) => mirror.changed(id));
  const mirror = createMirror({
    disk,
    keepMs: () => hours() * hour,
    get: shelf.get,
    all: shelf.conversations,
    load({ answers, ...conversation }) {
      const { id, principalId, usedAt, note } = conversation;
      if (isOver(conversation) || isGone(principalId, note?.since ?? usedAt)) return;
      for (const answer of answers)
        shelf.put({ id, principalId, usedAt }, { ...answer, calls: callsIn(answer.content) });
      if (note) shelf.note({ ...note, ended: note.ended ?? "restart" }, usedAt);
    },
    log,
    now,
  });

  /** One that has a process is not used while that waits, CLAUDE_SESSION_TTL at most, and may come back after its end. */
  const isOver = ({ usedAt, note }: Pick<ShelfConversation, "usedAt" | "note">) =>
    now() - usedAt > Math.max(memoryTime, hours() * hour) * (note?.ended === null ? 2 : 1);

  const sweep = () => {
    for (const each of shelf.conversations()) if (isOver(each)) shelf.drop(each);
    mirror.sweep();
  };
  const pick = (found: Iterable<ShelfAnswer>, conversationId: string | undefined): KeptAnswer | null => {
    let best: ShelfAnswer | undefined;
    let owner: ShelfConversation | undefined;
    for (const answer of found) {
      for (const holder of answer.holders) {
        if (isOver(holder) || (owner !== undefined && owner.id === conversationId)) continue;
        [best, owner] = [answer, holder];
      }
    }
    if (!best || !owner) return null;
    const { principalId, print, model, at, content } = best;
    return { principalId, print, conversationId: owner.id, model, at, ...storedIn(content) };
  };
  const listed = ({ note, usedAt }: ShelfConversation) => (note ? [{ ...note, usedAt }] : []);

  mirror.reconsider();
  const sweeping = setInterval(sweep, sweepInterval);
  sweeping.unref();

  return {
    keep({ principalId, conversationId, print, model, content, effort, at, isFolded, behind }) {
      if (isGone(principalId, now())) return;
      const bytes = new TextEncoder().encode(JSON.stringify({ effort, isFolded, behind, content } satisfies Stored));
      const conversation = { id: conversationId, principalId, usedAt: now() };
      shelf.put(conversation, { print, model, at, content: bytes, calls: callsOf(content) });
    },
    find: (principalId, print, conversationId) => pick(shelf.byPrint(principalId, print), conversationId),
    byCall: (principalId, callId, conversationId) =>
      pick(shelf.byCall(principalId, normalisedId(callId)), conversationId),
    callers(principalId, callId) {
      const found = [...shelf.byCall(principalId, normalisedId(callId))].slice(-callersMax).reverse();
      return found.flatMap((answer) => pick([answer], undefined) ?? []);
    },
    touch(conversationId) {
      const found = shelf.get(conversationId);
      if (found) shelf.touch(found, now());
    },
    clear(principalId) {
      for (const each of shelf.conversations(principalId)) shelf.drop(each);
    },
    conversations: (principalId) =>
      shelf
        .conversations(principalId)
        .filter((each) => !isOver(each))
        .flatMap(listed)
        .reverse()
        .sort((a, b) => b.usedAt - a.usedAt),
    conversation(principalId, wanted) {
      const found = typeof wanted === "string" ? [shelf.get(wanted)] : [...shelf.byHead(principalId, wanted.head)];
      const own = found.filter((each) => each !== undefined && each.principalId === principalId && !isOver(each));
      return own.flatMap((each) => (each ? listed(each) : [])).sort((a, b) => b.usedAt - a.usedAt)[0] ?? null;
    },
    note(conversation) {
      if (isGone(conversation.principalId, now())) return;
      shelf.note({ ...conversation, usage: { ...conversation.usage } }, now());
    },
    reconsider() {
      shelf.fit();
      sweep();
      mirror.reconsider();
    },
    async close() {
      clearInterval(sweeping);
      mirror.close();
    },
  };
}

type Stored = Pick<KeptAnswer, "content" | "effort" | "isFolded" | "behind">;

function storedIn(bytes: Uint8Array): Stored {
  return JSON.parse(new TextDecoder().decode(bytes)) as Stored;
}

function callsIn(content: Uint8Array): string[] {
  return callsOf(storedIn(content).content);
}

function callsOf(content: readonly AssistantBlock[]): string[] {
  return content.flatMap((block) => (block.type === "tool_use" ? [normalisedId(block.id)] : []));
}
