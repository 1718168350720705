/** One conversation as each dialect's client sends it, and its answer as that client reads it. */

import type { AssistantBlock, Message, Tool } from "../../src/core/conversation.ts";

export interface Asked {
  messages: readonly Message[];
  stream: boolean;
  model?: string;
  tools?: readonly Tool[];
}

export interface Answer {
  /** Texts and calls; none of them is empty. */
  content: AssistantBlock[];
  /** Whether it says of itself that nothing is missing. */
  complete: boolean;
}

export interface Dialect {
  name: "chat" | "messages" | "responses";
  path: string;
  request(asked: Asked): Record<string, unknown>;
  /** Of an answer in one piece. */
  whole(body: any): Answer;
  /** Of the frames of a stream; null stands for `[DONE]`. */
  streamed(frames: readonly any[]): Answer;
}
