/**
 * A past conversation as a session file of the CLI, with which `--resume` goes on: each message in its true role, with
 * its pictures, calls and results (2.1.197, 2.1.330: one line a message is enough, each naming the one before).
 */

import type { AssistantBlock, AssistantMessage, UserMessage } from "../core/conversation.ts";
import { assistantBlocks, userBlocks } from "./blocks.ts";

/** What the model reads before a conversation that the assistant begins: the API wants the user's message first. */
const opening: UserMessage = { role: "user", content: [{ type: "text", text: "(The assistant speaks first.)" }] };

export type PastMessage = UserMessage | (AssistantMessage & AnswerFacts);

export interface AnswerFacts {
  /** How hard the model was to think; null: not known. 2.1.332 tells Claude 5.x at which answer that changed. */
  effort?: string | null;
  /** When it was asked, epoch ms; null: not known. The CLI tells the model when the date has changed. */
  at?: number | null;
  /** What stood beside the results that it answers went into them. */
  isFolded?: boolean;
}

/** A line that is none of a message's. */
export interface Attachment {
  type: "attachment";
  attachment: { type: string; [field: string]: unknown };
  [field: string]: unknown;
}

export interface SessionFileOptions {
  messages: readonly PastMessage[];
  /** What the CLI itself puts behind the first message. */
  reminders: readonly Attachment[];
  sessionId: string;
  model: string;
  /** Of the process that resumes it: 2.1.330 tells the model of another one. */
  cwd: string;
  /** The CLI's, as `--version` tells it. */
  version: string;
  /** How the CLI classifies the session. */
  entrypoint: "cli" | "sdk-cli";
  /** The model is still to answer the last message: it and the next one are one, as the client sent them. */
  open: boolean;
  /** The answer to the last message, where that is entered behind the file. */
  entered?: PastMessage | undefined;
  /** Epoch ms. */
  now: number;
}

/** JSON lines. */
export function sessionFileOf(options: SessionFileOptions): string {
  const { messages, reminders, sessionId, model, cwd, version, entrypoint, open, entered, now } = options;
  const whole = messages[0]?.role === "user" ? messages : [opening, ...messages];
  let date: string | null = null;
  const entries = whole.flatMap((message, at): object[] => {
    if (message.role === "user") {
      const content = userBlocks(message.content, isFolded(whole[at + 1] ?? entered));
      return [{ type: "user", message: { role: "user", content } }];
    }
    const before = date;
    date = message.at ? dateOf(message.at) : date;
    const answer = { type: "assistant", message: assistantOf(message.content, model, at), ...effortOf(message.effort) };
    return before === null || before === date ? [answer] : [changedDate(date as string), answer];
  });
  const [first, ...rest] = entries;
  const all = [first as object, ...reminders, ...rest, ...(open ? [unseen(model)] : [])];
  const ids = all.map(() => crypto.randomUUID());
  const lines = all.map((entry, at) => ({
    parentUuid: ids[at - 1] ?? null,
    isSidechain: false,
    userType: "external",
    entrypoint,
    cwd,
    sessionId,
    version,
    ...entry,
    uuid: ids[at],
    timestamp: new Date(now - (all.length - at) * 1_000).toISOString(),
  }));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Tells how a question went in, by its answer. */
export function isFolded(answer: PastMessage | undefined): boolean {
  return answer?.role === "assistant" && answer.isFolded === true;
}

/** In local time, as the CLI tells it. */
export function dateOf(at: number): string {
  return new Intl.DateTimeFormat("sv-SE").format(at);
}

function changedDate(date: string): Attachment {
  return { type: "attachment", attachment: { type: "date", date, changed: true } };
}

function effortOf(effort: string | null | undefined) {
  return effort ? { effort, perTurnEffort: effort } : {};
}

/**
 * What only a person would see. Behind a message that nobody has answered the CLI else says in the model's name that
 * no answer was asked for.
 */
function unseen(model: string) {
  const content: AssistantBlock[] = [{ type: "text", text: "(to be answered)" }];
  return { type: "assistant", isVirtual: true, message: assistantOf(content, model, -1) };
}

function assistantOf(content: readonly AssistantBlock[], model: string, at: number) {
  return {
    id: `msg_past_${at}`,
    type: "message",
    role: "assistant",
    model,
    content: assistantBlocks(content),
    stop_reason: content.some(({ type }) => type === "tool_use") ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}
