/** One turn: asked, perhaps left, and judged by the answer that its script says it should have had. */

import { isDeepStrictEqual } from "node:util";
import type { AssistantBlock } from "../../src/core/conversation.ts";
import type { Script } from "../../src/demo/script.ts";
import { callsIn, textIn } from "../dialects/content.ts";
import type { Asked, Dialect } from "../dialects/dialect.ts";
import { type Reply, type SayOptions, say } from "../dialects/say.ts";
import { filled } from "./model.ts";

/**
 * A number is the status of an error. `broken off`: a stream that ended with an error. `wrong`: whole, but another
 * answer than the model's. `hung`: not ended in time.
 */
export type Outcome =
  | "answered"
  | "left"
  | "broken off"
  | "lost to a kill"
  | "wrong"
  | "hung"
  | "no answer"
  | `${number}`;

export interface Asking {
  dialect: Dialect;
  asked: Asked;
  /** What the model is to answer, the digest not yet filled in. */
  script: Script;
  options: Pick<SayOptions, "headers" | "extra">;
  /** The client leaves after so many frames, or ms. */
  leaves?: { frames: number } | { ms: number };
}

export interface Ended {
  outcome: Outcome;
  content: AssistantBlock[];
  /** For whoever looks for the cause of what was not expected. */
  detail: string;
}

/** Longer than any honest turn, the CLI's own retries included. */
const deadlineMs = 60_000;

/** `signal` ends the turn with the whole run. */
export async function takeTurn(url: string, { leaves, ...asking }: Asking, signal: AbortSignal): Promise<Ended> {
  const { dialect, asked, script, options } = asking;
  const gone = new AbortController();
  let why: Outcome = "no answer";
  const go = (outcome: Outcome) => {
    if (!gone.signal.aborted) why = outcome;
    gone.abort();
  };
  const onEnd = () => go("no answer");
  if (signal.aborted) onEnd();
  signal.addEventListener("abort", onEnd);
  const timers = [setTimeout(go, deadlineMs, "hung")];
  if (leaves && "ms" in leaves) timers.push(setTimeout(go, leaves.ms, "left"));
  let frames = 0;
  const onFrame = () => {
    if (leaves && "frames" in leaves && ++frames === leaves.frames) go("left");
  };
  try {
    const reply = await say(url, dialect, asked, { ...options, signal: gone.signal, onFrame });
    const wanted = filled(script, asked.messages);
    const outcome = judge(reply, wanted);
    const detail = `wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(reply)}`;
    return { outcome, content: outcome === "answered" ? reply.content : [], detail };
  } catch (error) {
    return { outcome: why, content: [], detail: String(error) };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", onEnd);
  }
}

function judge(reply: Reply, wanted: Script): Outcome {
  if (reply.status !== 200) return `${reply.status}`;
  if (reply.error !== null || !reply.complete) return "broken off";
  return "blocks" in wanted && isDeepStrictEqual(partsOf(reply), scripted(wanted.blocks)) ? "answered" : "wrong";
}

/** What all dialects carry: one text, and the calls without their ids. */
function partsOf({ content }: Reply) {
  const calls = callsIn({ role: "assistant", content });
  return { text: textIn(content), calls: calls.map(({ name, input }) => ({ name, input })) };
}

function scripted(blocks: Extract<Script, { blocks: unknown }>["blocks"]) {
  const texts = blocks.map((block) => (typeof block === "string" ? block : ""));
  const calls = blocks.flatMap((block) => (typeof block === "object" && block.type === "tool_use" ? [block] : []));
  return { text: texts.join(""), calls: calls.map(({ name, input }) => ({ name, input })) };
}
