/** A past conversation as the session file with which an interactive CLI goes on. */

import type { Message } from "../../core/conversation.ts";
import { type Attachment, dateOf, sessionFileOf } from "../session-file.ts";
import { withPrefixes } from "./names.ts";

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
export function historyOf({ messages, now, ...rest }: HistoryOptions): string {
  return sessionFileOf({
    ...rest,
    messages: withPrefixes(messages),
    reminders: [reminderOf(dateOf(now))],
    entrypoint: "cli",
    open: messages.at(-1)?.role === "user",
    now,
  });
}

/**
 * What the CLI itself puts behind the first message. Without it 2.1.330 has nothing there to tell the model the effort
 * with, and sends a message without content.
 */
function reminderOf(date: string): Attachment {
  return {
    type: "attachment",
    attachment: { type: "date", date },
    rendered: [{ content: `<system-reminder>\nToday's date is ${date}.\n</system-reminder>` }],
    renderedRole: "system",
  };
}
