/**
 * The kept answers in memory, by what they are looked up with. Bounded in bytes: whole conversations go, the least
 * recently used of the principal with most, since one without its earlier thoughts is of little use.
 */

import type { KeptConversation, StoredAnswer } from "../core/kept-sessions.ts";
import { createMultiMap } from "./multi-map.ts";

/** One answer, of one conversation or of several that share a prefix. */
export interface ShelfAnswer extends StoredAnswer {
  readonly principalId: string;
  /** Its calls' ids, as they are compared. */
  readonly calls: readonly string[];
  readonly holders: Set<ShelfConversation>;
}

export interface ShelfConversation {
  readonly id: string;
  readonly principalId: string;
  /** Epoch ms. */
  usedAt: number;
  note: KeptConversation | null;
  /** By fingerprint, in the order in which they were given. */
  readonly answers: Map<string, ShelfAnswer>;
}

export interface Shelf {
  /** Adds an answer to a conversation; the same content at the same place of two conversations is held once. */
  put(conversation: Pick<ShelfConversation, "id" | "principalId" | "usedAt">, answer: NewAnswer): void;
  note(conversation: KeptConversation, usedAt: number): void;
  touch(conversation: ShelfConversation, usedAt: number): void;
  get(id: string): ShelfConversation | undefined;
  /** The newest at the end. */
  byPrint(principalId: string, print: string): ReadonlySet<ShelfAnswer>;
  byCall(principalId: string, call: string): ReadonlySet<ShelfAnswer>;
  byHead(principalId: string, head: string): ReadonlySet<ShelfConversation>;
  /** Of one principal or of all; each one's least recently used first. */
  conversations(principalId?: string): ShelfConversation[];
  drop(conversation: ShelfConversation): void;
  /** Makes it fit after the bound has become less. */
  fit(): void;
}

export type NewAnswer = Omit<StoredAnswer, "id"> & {
  /** Absent: it gets the next one. */
  id?: number;
  calls: readonly string[];
};

/** Bytes that an answer, a call's id and a conversation take beside the content, about. */
const answerWeight = 512;
const callWeight = 128;
const conversationWeight = 768;

/** How many answers that read the same, but were thought otherwise, are kept; the first goes for the next. */
const variantsMax = 16;

/** What one principal has, its conversations in the order of their last use. */
interface Share {
  bytes: number;
  conversations: Map<string, ShelfConversation>;
}

/** `onChange` is called with the id of each conversation that has changed or gone. `maxBytes` is asked each time. */
export function createShelf(maxBytes: () => number, onChange: (id: string) => void): Shelf {
  const shares = new Map<string, Share>();
  const byId = new Map<string, ShelfConversation>();
  const prints = createMultiMap<ShelfAnswer>();
  const calls = createMultiMap<ShelfAnswer>();
  const heads = createMultiMap<ShelfConversation>();
  let total = 0;
  let lastId = 0;

  const keyOf = (principalId: string, text: string) => `${principalId} ${text}`;
  const weigh = (principalId: string, bytes: number) => {
    total += bytes;
    const share = shares.get(principalId) ?? { bytes: 0, conversations: new Map() };
    share.bytes += bytes;
    shares.set(principalId, share);
    return share.conversations;
  };
  const bytesOf = ({ content, calls }: Pick<ShelfAnswer, "content" | "calls">) =>
    content.length + answerWeight + calls.length * callWeight;

  /** Makes it the last one used. */
  const touch = (conversation: ShelfConversation, usedAt: number) => {
    const { id, principalId } = conversation;
    conversation.usedAt = usedAt;
    const mine = weigh(principalId, 0);
    mine.delete(id);
    mine.set(id, conversation);
    onChange(id);
  };
  const open = ({ id, principalId, usedAt }: Pick<ShelfConversation, "id" | "principalId" | "usedAt">) => {
    const found = byId.get(id);
    if (found && found.principalId !== principalId) throw new Error("a conversation belongs to one principal");
    const conversation = found ?? { id, principalId, usedAt, note: null, answers: new Map() };
    if (!found) weigh(principalId, conversationWeight);
    byId.set(id, conversation);
    touch(conversation, usedAt);
    return conversation;
  };
  const release = (conversation: ShelfConversation, answer: ShelfAnswer) => {
    conversation.answers.delete(answer.print);
    answer.holders.delete(conversation);
    if (answer.holders.size > 0) return;
    weigh(answer.principalId, -bytesOf(answer));
    prints.remove(keyOf(answer.principalId, answer.print), answer);
    for (const call of answer.calls) calls.remove(keyOf(answer.principalId, call), answer);
  };
  const releaseAll = (answer: ShelfAnswer) => {
    for (const holder of [...answer.holders]) {
      release(holder, answer);
      onChange(holder.id);
    }
  };
  const behead = (conversation: ShelfConversation) => {
    const { principalId, note } = conversation;
    if (note) heads.remove(keyOf(principalId, note.head), conversation);
  };
  const drop = (conversation: ShelfConversation) => {
    const { id, principalId } = conversation;
    for (const answer of [...conversation.answers.values()]) release(conversation, answer);
    behead(conversation);
    byId.delete(id);
    weigh(principalId, -conversationWeight).delete(id);
    if (shares.get(principalId)?.conversations.size === 0) shares.delete(principalId);
    onChange(id);
  };
  /** Spares whoever holds no more than an equal share, as eviction.ts does with processes. */
  const victim = (spared?: ShelfConversation): ShelfConversation | undefined => {
    const equal = maxBytes() / shares.size;
    let most = equal;
    let found: ShelfConversation | undefined;
    for (const { bytes, conversations } of shares.values()) {
      if (bytes <= most) continue;
      const oldest = conversations.values().find((each) => each !== spared);
      if (oldest) [most, found] = [bytes, oldest];
    }
    return found;
  };
  const fit = (spared?: ShelfConversation): boolean => {
    while (total > maxBytes()) {
      const next = victim(spared);
      if (!next) return false;
      drop(next);
    }
    return true;
  };

  return {
    put(owner, { id, ...given }) {
      const there = byId.get(owner.id);
      const before = there?.answers.get(given.print);
      if (bytesOf(given) + conversationWeight > maxBytes()) {
        // What stood in its place is not what the conversation holds any more.
        if (there && before) release(there, before);
        return;
      }
      const conversation = open(owner);
      const { principalId, answers } = conversation;
      const key = keyOf(principalId, given.print);
      const variants = [...prints.get(key)];
      const same = variants.find(({ content }) => Buffer.compare(content, given.content) === 0);
      if (before && before === same) return;
      if (before) release(conversation, before);
      const [oldest] = variants;
      if (!same && oldest && variants.length >= variantsMax) releaseAll(oldest);
      const answer = same ?? { ...given, id: id ?? lastId + 1, principalId, holders: new Set() };
      lastId = Math.max(lastId, answer.id);
      answers.set(given.print, answer);
      answer.holders.add(conversation);
      if (same) return;
      weigh(principalId, bytesOf(answer));
      prints.add(key, answer);
      for (const call of answer.calls) calls.add(keyOf(principalId, call), answer);
      if (fit(conversation)) return;
      release(conversation, answer);
      if (answers.size === 0 && conversation.note === null) drop(conversation);
    },
    note(note, usedAt) {
      if (conversationWeight > maxBytes()) return;
      const conversation = open({ ...note, usedAt });
      behead(conversation);
      conversation.note = note;
      heads.add(keyOf(note.principalId, note.head), conversation);
      if (!fit(conversation)) drop(conversation);
    },
    touch,
    get: (id) => byId.get(id),
    byPrint: (principalId, print) => prints.get(keyOf(principalId, print)),
    byCall: (principalId, call) => calls.get(keyOf(principalId, call)),
    byHead: (principalId, head) => heads.get(keyOf(principalId, head)),
    conversations(principalId) {
      const wanted = principalId === undefined ? [...shares.values()] : [shares.get(principalId)];
      return wanted.flatMap((share) => [...(share?.conversations.values() ?? [])]);
    },
    drop,
    fit: () => void fit(),
  };
}
