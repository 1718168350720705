/**
 * Knows conversations beyond the life of a process: what was answered in them, exactly, and why no process holds them.
 * With that a conversation is rebuilt as it was, whatever its client left out or changed in the echo of our answers.
 */

import type { AssistantBlock, Conversation, UserMessage } from "../core/conversation.ts";
import type { StartReason } from "../core/turn.ts";
import { type Fingerprint, type Fingerprints, fingerprints } from "./fingerprint.ts";
import type { KeptAnswer, KeptAnswers, KeptConversation } from "./kept-answers.ts";
import { normalisedId } from "./names.ts";
import type { AnswerFacts, PastMessage } from "./session-file.ts";
import { createTally, type Tally } from "./tally.ts";

/** A conversation for as long as it may come back: it may have several processes, one after the other. */
export interface Lineage {
  readonly id: string;
  readonly principalId: string;
  readonly model: string;
  /** Epoch ms. */
  readonly since: number;
  turns: number;
  messages: number;
  /** Of all its messages; null before its first answer. */
  head: Fingerprint | null;
  readonly tally: Tally;
  /** How many of the answers in its process are exactly as the model gave them. */
  exact: number;
}

export interface LineageRequest {
  conversation: Conversation;
  principalId: string;
  /** The system prompt as the process gets it. */
  system: string;
  hasHostTools: boolean;
}

/** Where a request's conversation comes from. */
export interface Origin {
  /** What it goes on with; null: it begins a conversation, or leaves one behind. */
  continues: KeptConversation | null;
  reason: StartReason;
}

export interface GivenAnswer {
  /** The fingerprint of the conversation up to and with it. */
  print: Fingerprint;
  /** The same without what binds a process. */
  bare: Fingerprint;
  content: readonly AssistantBlock[];
  /** How hard the model was to think; null: not known. */
  effort: string | null;
  /** When it was asked, epoch ms. */
  at: number;
  /** What stood beside the results that it answers went into them. */
  isFolded: boolean;
  /** How many messages the conversation has with it. */
  messages: number;
}

export interface ExactHistory {
  /** Results stand under the ids of our calls. */
  messages: PastMessage[];
  /** When its first answer was given, epoch ms; null: it is not known. */
  began: number | null;
  answers: readonly KeptAnswer[];
}

/** What the process of a conversation does; null: it has none. */
export type Holding = "running" | "waiting" | null;

export interface Lineages {
  prints(request: LineageRequest): Fingerprints;
  /** For a request that no process can go on with; `holding` tells of a conversation by its id. */
  originOf(request: LineageRequest, prints: Fingerprints, holding: (id: string) => Holding): Origin;
  /** The conversation with our answers as we gave them; `owner`: the conversation of ours that it goes on with. */
  exact(request: LineageRequest, prints: Fingerprints, owner?: string): ExactHistory;
  /** The same for the process of a conversation that holds its first messages; the others may have been given in a fork. */
  continued(request: LineageRequest, prints: Fingerprints, id: string, held: number): ExactHistory;
  /** `history` stays known for as long as the conversation is. */
  begin(origin: Origin, request: LineageRequest, history: ExactHistory): Lineage;
  /** The process of the conversation holds this history from now on. */
  follow(lineage: Lineage, history: ExactHistory): void;
  /** Keeps an answer that was given whole. */
  answered(lineage: Lineage, answer: GivenAnswer): void;
  /** No process holds the conversation any longer. */
  ended(lineage: Lineage, why: StartReason): void;
  /** Those without a process. */
  hibernated(principalId?: string): KeptConversation[];
  /** Remembers of what is about to be forgotten that it was. */
  clear(principalId?: string): void;
}

/** How many conversations are remembered by their last message, to say why none goes on; some 300 bytes each. */
const tracesKept = 2_000;

interface Trace {
  principalId: string;
  model: string;
  cleared: boolean;
}

export function createLineages(kept: KeptAnswers, now: () => number): Lineages {
  /** By their fingerprints without what binds a process. */
  const traces = new Map<Fingerprint, Trace>();

  const trace = (bare: Fingerprint, trace: Trace) => {
    traces.delete(bare);
    traces.set(bare, trace);
    if (traces.size > tracesKept) traces.delete(traces.keys().next().value as Fingerprint);
  };
  const note = ({ tally, head, ...lineage }: Lineage, ended: StartReason | null) => {
    if (head === null) return;
    const { usage } = tally.figures();
    kept.note({ ...lineage, head, ended, usage, usedAt: now() });
  };
  const find = (principalId: string, print: Fingerprint | undefined) =>
    print === undefined ? null : kept.find(principalId, print);

  /** The conversation that gave the last of its answers. */
  const ownerOf = ({ messages }: Conversation, principalId: string, bound: readonly Fingerprint[]) => {
    for (let length = messages.length; length > 0; length--) {
      const answer = messages[length - 1]?.role === "assistant" ? find(principalId, bound[length]) : null;
      if (answer) return answer.conversationId;
    }
    return undefined;
  };
  const exact: Lineages["exact"] = ({ conversation, principalId }, { bound }, owner) => {
    const answers: KeptAnswer[] = [];
    let ids: ReadonlyMap<string, string> = new Map();
    const ours = owner ?? ownerOf(conversation, principalId, bound);
    const messages = conversation.messages.map((message, at): PastMessage => {
      if (message.role === "user") return withIds(message, ids);
      const found = kept.find(principalId, bound[at + 1] as Fingerprint, ours);
      // Thoughts are bound to all that stands before them: behind other ones, or none, they would be refused.
      const answer = found?.conversationId === ours && found?.behind === answers.length ? found : null;
      if (answer) answers.push(answer);
      const content = answer ? [...answer.content] : message.content;
      ids = new Map(callsOf(content).map((id) => [normalisedId(id), id]));
      return { role: "assistant", content, ...factsOf(answer) };
    });
    return { messages, began: answers[0]?.at ?? null, answers };
  };
  const follow = (lineage: Lineage, { answers }: ExactHistory) => {
    lineage.exact = answers.length;
    // A fork keeps what it has from its origin.
    for (const answer of answers) {
      if (answer.conversationId === lineage.id) kept.touch(lineage.id);
      else kept.keep({ ...answer, conversationId: lineage.id });
    }
  };

  return {
    prints({ conversation, principalId, system, hasHostTools }) {
      const answersOf = (callId: string) => kept.callers(principalId, callId);
      return fingerprints(conversation, { principalId, system, hasHostTools, answersOf });
    },

    originOf({ conversation, principalId }, { bound, bare }, holding) {
      const { messages, model } = conversation;
      /** How many messages there are up to the last answer. */
      const length = messages.findLastIndex(({ role }) => role === "assistant") + 1;
      if (length === 0) return { continues: null, reason: "new" };
      const known = kept.conversation(principalId, { head: bound[length] as Fingerprint });
      if (known) {
        const held = holding(known.id);
        if (held === "running") return { continues: null, reason: "forked" };
        return { continues: known, reason: held === "waiting" ? "tools" : (known.ended ?? "ended") };
      }
      if (find(principalId, bound[length])) return { continues: null, reason: "edited" };
      const traced = traces.get(bare[length] as Fingerprint);
      if (traced?.cleared) return { continues: null, reason: "cleared" };
      if (traced) return { continues: null, reason: traced.model === model ? "system" : "model" };
      for (let shorter = length - 1; shorter > 0; shorter--) {
        if (find(principalId, bound[shorter])) return { continues: null, reason: "edited" };
      }
      return { continues: null, reason: "unseen" };
    },

    exact,

    continued(request, prints, id, held) {
      const [own, forked] = [exact(request, prints, id), exact(request, prints)];
      const begun = [own, forked].map(({ messages }) => JSON.stringify(messages.slice(0, held)));
      return begun[0] === begun[1] ? forked : own;
    },

    begin({ continues }, { conversation, principalId }, history) {
      const lineage = {
        id: continues?.id ?? `s${crypto.randomUUID().slice(0, 8)}`,
        principalId,
        model: conversation.model,
        since: continues?.since ?? now(),
        turns: continues?.turns ?? 0,
        messages: continues?.messages ?? 0,
        head: continues?.head ?? null,
        tally: createTally(continues?.usage),
        exact: 0,
      };
      note(lineage, null);
      follow(lineage, history);
      return lineage;
    },

    follow,

    answered(lineage, { print, bare, content, effort, at, isFolded, messages }) {
      const { id, principalId, model } = lineage;
      // The API takes no thoughts that it has not signed: those that were cut, and those of a span of messages.
      const whole = content.filter((block) => block.type !== "thinking" || block.signature !== "");
      if (whole.length > 0) {
        const behind = lineage.exact++;
        kept.keep({ principalId, print, conversationId: id, model, content: whole, effort, at, isFolded, behind });
      }
      trace(bare, { principalId, model, cleared: false });
      lineage.head = print;
      lineage.messages = messages;
      lineage.turns++;
      note(lineage, null);
    },

    ended(lineage, why) {
      // Another process may have gone on with it.
      const known = kept.conversation(lineage.principalId, lineage.id);
      if (known === null || known.head === lineage.head) note(lineage, why);
    },

    hibernated: (principalId) => kept.conversations(principalId).filter(({ ended }) => ended !== null),

    clear(principalId) {
      for (const each of traces.values()) {
        if (principalId === undefined || each.principalId === principalId) each.cleared = true;
      }
    },
  };
}

function factsOf(answer: KeptAnswer | null): AnswerFacts {
  return answer ? { effort: answer.effort, at: answer.at, isFolded: answer.isFolded } : {};
}

function callsOf(content: readonly AssistantBlock[]): string[] {
  return content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
}

/** Some clients return ids without their punctuation. */
function withIds(message: UserMessage, ids: ReadonlyMap<string, string>): UserMessage {
  const content = message.content.map((block) =>
    block.type === "tool_result"
      ? { ...block, tool_use_id: ids.get(normalisedId(block.tool_use_id)) ?? block.tool_use_id }
      : block,
  );
  return { role: "user", content };
}
