/** The processes that outlive their turn, by what they hold: finds the one that a request continues. */

import type { Conversation, Message, ToolResultBlock } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { StartReason } from "../core/turn.ts";
import { resultsOf } from "./blocks.ts";
import { passesBridge } from "./bridge.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { createMultiMap } from "./multi-map.ts";
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
  /** The messages that it was asked, to which it may be taken back; in order. */
  points: RewindPoint[];
  /** Epoch ms. */
  usedAt: number;
}

export interface RewindPoint {
  /** The fingerprint of the conversation before the message. */
  print: Fingerprint;
  /** The uuid under which the CLI knows the message. */
  uuid: string;
}

export interface Continuation<S extends Holder> {
  session: S;
  /** The messages that it lacks but the last one, which is to be asked; null: it waits for the last one's results. */
  missing: readonly Message[];
  results: ToolResultBlock[] | null;
  /** Where it has to be taken back to first; null: it holds the beginning and nothing more. */
  rewind: RewindPoint | null;
}

/** How far back a process may be taken. */
export type Rewinding = "none" | "last" | "any";

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
    rewinding?: Rewinding,
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

/** `discard` ends a process that nobody can continue, and is told what the client did. */
export function createConversations<S extends Holder>(
  discard: (session: S, why: StartReason) => void = ({ process }) => process.kill(),
): Conversations<S> {
  const held = createMultiMap<S>();
  /** By what they held once. */
  const passed = createMultiMap<S>();
  /** Calls that wait, and calls whose results are being answered right now, by principal and id. */
  const parked = createMultiMap<S>();
  const claimed = createMultiMap<S>();

  const keyOf = (principalId: string, id: string) => `${principalId} ${id}`;
  const drop = (session: S) => {
    if (session.held !== null) held.remove(session.held, session);
    for (const { print } of session.points) passed.remove(print, session);
    for (const id of session.awaited) parked.remove(keyOf(session.principalId, id), session);
  };

  const takeParked = (
    messages: readonly Message[],
    prints: readonly Fingerprint[],
    principalId: string,
    usable: (session: S) => boolean,
  ) => {
    const last = messages.at(-1);
    if (last?.role !== "user") return null;
    const answered = last.content.filter((block) => block.type === "tool_result");
    const ids = new Set(answered.map((result) => normalisedId(result.tool_use_id)));
    const holds = ({ held }: S) => held === prints.at(-2);
    for (const id of ids) {
      if ([...claimed.get(keyOf(principalId, id))].some(holds)) {
        throw new OcpError("conflict", "Another request is answering these tool results at this moment.");
      }
    }
    const [first = ""] = ids;
    // Some gateways give the calls of all conversations the same ids.
    const candidates = [...parked.get(keyOf(principalId, first))];
    const session = candidates.find(holds) ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (!session) return null;
    drop(session);
    const results = resultsOf(last.content);
    const isHeld =
      holds(session) && ids.size === session.awaited.size && [...ids].every((id) => session.awaited.has(id));
    if (!isHeld || results === null || !passesBridge(results) || !usable(session)) {
      // The client has moved on with this call, so nobody will ever answer it here.
      discard(session, !isHeld ? "edited" : usable(session) ? "results" : "tools");
      return null;
    }
    for (const id of ids) claimed.add(keyOf(principalId, id), session);
    return { session, missing: [], results, rewind: null };
  };

  const takeLive = (
    { messages, hints }: Conversation,
    prints: readonly Fingerprint[],
    usable: (session: S) => boolean,
    rewinding: Rewinding,
  ) => {
    const related = (session: S) => session.hints.filter((hint) => hints.includes(hint)).length;
    const best = (candidates: Iterable<S>) =>
      [...candidates]
        .filter((session) => session.state !== "parked" && usable(session))
        .sort((a, b) => related(b) - related(a) || b.usedAt - a.usedAt)[0];
    for (let length = messages.length - 1; length > 0; length--) {
      const print = prints[length] as Fingerprint;
      const pointOf = ({ points }: S) =>
        rewinding === "any" ? points.find((point) => point.print === print) : lastIf(points, print);
      const whole = best(held.get(print));
      const session = whole ?? (rewinding === "none" ? undefined : best([...passed.get(print)].filter(pointOf)));
      if (!session) continue;
      drop(session);
      const rewind = whole ? null : (pointOf(session) ?? null);
      return { session, missing: messages.slice(length, -1), results: null, rewind };
    }
    return null;
  };

  return {
    awaiting({ messages }, principalId) {
      for (const block of messages.at(-1)?.content ?? []) {
        if (block.type !== "tool_result") continue;
        return [...parked.get(keyOf(principalId, normalisedId(block.tool_use_id)))][0] ?? null;
      }
      return null;
    },
    take(conversation, prints, principalId, usable, rewinding = "none") {
      return (
        takeParked(conversation.messages, prints, principalId, usable) ??
        takeLive(conversation, prints, usable, rewinding)
      );
    },
    keep(session) {
      if (session.held === null) throw new Error("a process that holds nothing is not kept");
      held.add(session.held, session);
      for (const { print } of session.points) passed.add(print, session);
      for (const id of session.awaited) parked.add(keyOf(session.principalId, id), session);
    },
    drop,
    settle(session) {
      for (const id of session.awaited) claimed.remove(keyOf(session.principalId, id), session);
    },
    waiting: () => [...held.values()].sort((a, b) => a.usedAt - b.usedAt),
  };
}

function lastIf(points: readonly RewindPoint[], print: Fingerprint): RewindPoint | undefined {
  const last = points.at(-1);
  return last?.print === print ? last : undefined;
}
