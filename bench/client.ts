/** Asks a server for a streamed chat completion as its clients do, and looks at the clock. */

export const model = "claude-sonnet-5-5";

export interface Message {
  role: "user" | "assistant";
  content: string;
}

/** Ms since the request was sent. */
export interface Timing {
  firstToken: number;
  /** To the end of the stream. */
  total: number;
}

export interface Answer extends Timing {
  text: string;
}

/** `onText` gets each piece as it comes. Rejects when the answer is no whole one: what failed fast is not fast. */
export async function ask(
  url: string,
  messages: readonly Message[],
  onText: (piece: string) => void = () => {},
  signal?: AbortSignal,
): Promise<Answer> {
  const start = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages, stream: true }),
    signal: signal ?? null,
  });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  let firstToken: number | null = null;
  let text = "";
  let finish: string | null = null;
  for await (const frame of framesOf(response.body)) {
    if (frame === "[DONE]") break;
    const { choices, error } = JSON.parse(frame);
    if (error) throw new Error(error.message);
    const piece = choices[0]?.delta.content;
    finish ??= choices[0]?.finish_reason;
    if (!piece) continue;
    firstToken ??= performance.now() - start;
    text += piece;
    onText(piece);
  }
  if (firstToken === null || finish !== "stop") throw new Error("The answer is not whole.");
  return { text, firstToken, total: performance.now() - start };
}

async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    const frames = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) if (frame.startsWith("data: ")) yield frame.slice("data: ".length);
  }
}
