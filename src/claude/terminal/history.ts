/**
 * A past conversation as a transcript of the CLI, with which `--resume` goes on: each message in its true role, with
 * its pictures, calls and results (2.1.197, 2.1.330: one line a message is enough, each naming the one before).
 */

import type { Message } from "../../core/conversation.ts";
import { withPrefixes } from "./names.ts";

/** What the model reads before a conversation that the assistant begins: the API wants the user's message first. */
const opening: Message = { role: "user", content: [{ type: "text", text: "(The assistant speaks first.)" }] };

export interface HistoryOptions {
  messages: readonly Message[];
  sessionId: string;
  model: string;
  cwd: string;
  /** The CLI's, as `--version` tells it. */
  version: string;
  /** Epoch ms. */
  now: number;
}

/** JSON lines. */
export function historyOf({ messages, sessionId, model, cwd, version, now }: HistoryOptions): string {
  const whole = withPrefixes(messages[0]?.role === "assistant" ? [opening, ...messages] : messages);
  const entries = whole.map((message, at) =>
    message.role === "user"
      ? { type: "user", message }
      : { type: "assistant", message: assistantOf(message.content, model, at) },
  );
  const [first, ...rest] = entries;
  const end = messages.at(-1)?.role === "user" ? [unseen(model)] : [];
  const all = first ? [first, dateOf(now), ...rest, ...end] : [];
  const ids = all.map(() => crypto.randomUUID());
  const lines = all.map((entry, at) => ({
    parentUuid: ids[at - 1] ?? null,
    isSidechain: false,
    userType: "external",
    entrypoint: "cli",
    cwd,
    sessionId,
    version,
    ...entry,
    uuid: ids[at],
    timestamp: new Date(now - (all.length - at) * 1_000).toISOString(),
  }));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/**
 * What the CLI itself puts behind the first message. Without it 2.1.330 has nothing there to tell the model the effort
 * with, and sends a message without content.
 */
function dateOf(now: number) {
  const date = new Intl.DateTimeFormat("sv-SE").format(now);
  return {
    type: "attachment",
    attachment: { type: "date", date },
    rendered: [{ content: `<system-reminder>\nToday's date is ${date}.\n</system-reminder>` }],
    renderedRole: "system",
  };
}

/**
 * What only a person would see. Behind results that nobody has answered the CLI else says in the model's name that no
 * answer was asked for; so they and the next message are one, as the client sent them.
 */
function unseen(model: string) {
  const content: Message["content"] = [{ type: "text", text: "(to be answered)" }];
  return { type: "assistant", isVirtual: true, message: assistantOf(content, model, -1) };
}

function assistantOf(content: Message["content"], model: string, at: number) {
  return {
    id: `msg_past_${at}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: content.some(({ type }) => type === "tool_use") ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}
