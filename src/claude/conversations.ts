/** The processes that outlive their turn, by what they hold: finds the one that a request continues. */

import type { Conversation, Message, ToolResultBlock } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import { passesBridge } from "./bridge.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { normalisedId } from "./names.ts";
import type { SessionState } from "./session.ts";

/** What is held of a process, whatever kind it is of. */
export interface Holder {
  readonly principalId: string;
  readonly process: { kill(): void };
  state: SessionState;
  /** What its messages amount to; null before its first answer. */
  held: Fingerprint | null;
  /** The calls that wait for results, by their ids as they are compared. */
  awaited: Set<string>;
  hints: readonly string[];
  /** Epoch ms. */
  usedAt: number;
}

export interface Continuation<S extends Holder> {
  session: S;
  /** The messages that it lacks but the last one, which is to be asked; null: it waits for the last one's results. */
  missing: readonly Message[];
  results: ToolResultBlock[] | null;
}

export interface Conversations<S extends Holder> {
  /**
   * Takes the process that this conversation continues, out of reach of any other request; null: there is none.
   * `prints` are its fingerprints. `usable` says whether a process may still be used for it.
   * Throws OcpError conflict while another request delivers the results of the same calls.
   */
  take(
    conversation: Conversation,
    prints: readonly Fingerprint[],
    principalId: string,
    usable: (session: S) => boolean,
  ): Continuation<S> | null;
  /** The process that waits for the results which the conversation ends with, without taking it; null: none does. */
  awaiting(conversation: Conversation, principalId: string): S | null;
  /** Lets a process wait for its next message, or for the results that it `awaits`. */
  keep(session: S): void;
  /** Forgets a process: it is gone, or goes. */
  drop(session: S): void;
  /** Of a turn that delivered results, once it has ended. */
  settle(session: S): void;
  /** All that wait, least recently used first. */
  waiting(): S[];
}

/** `discard` ends a process that nobody can continue. */
export function createConversations<S extends Holder>(
  discard: (session: S) => void = ({ process }) => process.kill(),
): Conversations<S> {
  const held = new Map<Fingerprint, Set<S>>();
  /** Calls that wait, and calls whose results are being answered right now, by principal and id. */
  const parked = new Map<string, S>();
  const claimed = new Map<string, S>();

  const keyOf = (principalId: string, id: string) => `${principalId} ${id}`;
  const drop = (session: S) => {
    if (session.held !== null) {
      const same = held.get(session.held);
      same?.delete(session);
      if (same?.size === 0) held.delete(session.held);
    }
    for (const id of session.awaited) {
      const key = keyOf(session.principalId, id);
      if (parked.get(key) === session) parked.delete(key);
    }
  };

  const takeParked = (
    messages: readonly Message[],
    prints: readonly Fingerprint[],
    principalId: string,
    usable: (session: S) => boolean,
  ) => {
    const last = messages.at(-1)?.content ?? [];
    const results = last.filter((block): block is ToolResultBlock => block.type === "tool_result");
    const ids = new Set(results.map((result) => normalisedId(result.tool_use_id)));
    for (const id of ids) {
      if (claimed.has(keyOf(principalId, id))) {
        throw new OcpError("conflict", "Another request is answering these tool results at this moment.");
      }
    }
    const [first = ""] = ids;
    const session = parked.get(keyOf(principalId, first));
    if (!session) return null;
    drop(session);
    const fits =
      usable(session) &&
      results.length === last.length &&
      session.held === prints.at(-2) &&
      ids.size === session.awaited.size &&
      [...ids].every((id) => session.awaited.has(id)) &&
      passesBridge(results);
    if (!fits) {
      // The client has moved on with this call, so nobody will ever answer it here.
      discard(session);
      return null;
    }
    for (const id of ids) claimed.set(keyOf(principalId, id), session);
    return { session, missing: [], results };
  };

  const takeLive = (
    { messages, hints }: Conversation,
    prints: readonly Fingerprint[],
    usable: (session: S) => boolean,
  ) => {
    for (let length = messages.length - 1; length > 0; length--) {
      const candidates = [...(held.get(prints[length] as Fingerprint) ?? [])].filter(
        (session) => session.state !== "parked" && usable(session),
      );
      const related = (session: S) => session.hints.filter((hint) => hints.includes(hint)).length;
      const [session] = candidates.sort((a, b) => related(b) - related(a) || b.usedAt - a.usedAt);
      if (!session) continue;
      drop(session);
      return { session, missing: messages.slice(length, -1), results: null };
    }
    return null;
  };

  return {
    awaiting({ messages }, principalId) {
      for (const block of messages.at(-1)?.content ?? []) {
        if (block.type !== "tool_result") continue;
        return parked.get(keyOf(principalId, normalisedId(block.tool_use_id))) ?? null;
      }
      return null;
    },
    take(conversation, prints, principalId, usable) {
      return takeParked(conversation.messages, prints, principalId, usable) ?? takeLive(conversation, prints, usable);
    },
    keep(session) {
      if (session.held === null) throw new Error("a process that holds nothing is not kept");
      const same = held.get(session.held);
      if (same) same.add(session);
      else held.set(session.held, new Set([session]));
      for (const id of session.awaited) parked.set(keyOf(session.principalId, id), session);
    },
    drop,
    settle(session) {
      for (const [key, owner] of claimed) if (owner === session) claimed.delete(key);
    },
    waiting: () => [...held.values()].flatMap((same) => [...same]).sort((a, b) => a.usedAt - b.usedAt),
  };
}
