/** Asks a server under test in any dialect. */

import { chat } from "./chat.ts";
import type { Answer, Asked, Dialect } from "./dialect.ts";
import { framesOf } from "./frames.ts";
import { messages } from "./messages.ts";
import { responses } from "./responses.ts";

export const dialects: readonly Dialect[] = [chat, messages, responses];

export interface Reply extends Answer {
  status: number;
  /** The sentence of an error, be it the body or a frame of the stream. */
  error: string | null;
}

export interface SayOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Fields of the request beside those that every dialect has. */
  extra?: Record<string, unknown>;
  /** Hears of each frame of a stream as it comes. */
  onFrame?: () => void;
}

/** Rejects when the connection fails, and when the signal aborts. */
export async function say(url: string, dialect: Dialect, asked: Asked, options: SayOptions = {}): Promise<Reply> {
  const response = await fetch(url + dialect.path, {
    method: "POST",
    headers: { "content-type": "application/json", ...options.headers },
    body: JSON.stringify({ ...dialect.request(asked), ...options.extra }),
    signal: options.signal ?? null,
  });
  const { status } = response;
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const body = (await response.json()) as any;
    if (status !== 200) return { status, content: [], complete: false, error: String(body.error?.message) };
    return { status, ...dialect.whole(body), error: null };
  }
  const frames: any[] = [];
  for await (const frame of framesOf(response)) {
    frames.push(frame);
    options.onFrame?.();
  }
  const failure = frames.find((frame) => frame?.error);
  return { status, ...dialect.streamed(frames), error: failure ? String(failure.error.message) : null };
}
