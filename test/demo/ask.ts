/** Asks the simulated API over HTTP, as the CLI would. */

import type { Simulator } from "../../src/demo/simulator.ts";

export function post(simulator: Simulator, body: unknown, init: RequestInit = {}, path = "/v1/messages?beta=true") {
  return fetch(simulator.url + path, {
    method: "POST",
    headers: { authorization: "Bearer sk-ant-oat01-test" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
}

export function ask(simulator: Simulator, text: string, more: object = {}, init: RequestInit = {}) {
  const messages = [{ role: "user", content: text }];
  return post(simulator, { model: "claude-sonnet-5-5", max_tokens: 1000, messages, ...more }, init);
}

/** The JSON of any answer; a test reads the fields that its case must have. */
export interface Reply {
  content: [ReplyBlock, ...ReplyBlock[]];
  stop_reason: string;
  usage: Record<string, unknown>;
  error: { type: string; message: string };
  request_id: string;
  input_tokens: number;
}

interface ReplyBlock {
  type: string;
  text?: string;
  [field: string]: unknown;
}

export async function replyOf(response: Response | Promise<Response>): Promise<Reply> {
  return (await (await response).json()) as Reply;
}

interface Event {
  event: string;
  data: {
    type: string;
    index?: number;
    message?: { id: string; model: string; usage: Record<string, number> };
    content_block?: { type: string; [field: string]: unknown };
    delta?: { type?: string; [field: string]: unknown };
    usage?: Record<string, unknown>;
    error?: { type: string; message: string };
  };
}

/** Reads server-sent events strictly: an `event` and a `data` line each, of the same type. */
export function parseEvents(text: string): Event[] {
  const frames = text.split("\n\n");
  if (frames.pop() !== "") throw new Error("The stream does not end with a whole frame.");
  return frames.map((frame) => {
    const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
    if (!match) throw new Error(`No event: ${frame}`);
    const [, event = "", json = ""] = match;
    const data = JSON.parse(json) as Event["data"];
    if (data.type !== event) throw new Error(`Event ${event} holds ${data.type}`);
    return { event, data };
  });
}

export function textOf(events: Event[]): string {
  return events.map(({ data }) => (data.delta?.type === "text_delta" ? data.delta.text : "")).join("");
}

/** Reads a stream to its end or its break. */
export async function readAll(response: Response): Promise<{ pieces: string[]; text: string; broken: boolean }> {
  const pieces: string[] = [];
  const decoder = new TextDecoder();
  let broken = false;
  try {
    for await (const chunk of response.body ?? []) pieces.push(decoder.decode(chunk, { stream: true }));
  } catch {
    broken = true;
  }
  return { pieces, text: pieces.join(""), broken };
}

/**
 * Whether the promise rejects. `expect(promise).rejects` waits in an event loop of its own, in which a process or a
 * connection that ends meanwhile may never be noticed (seen with Bun 1.4.5).
 */
export function breaks(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}
