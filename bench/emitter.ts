/**
 * Stands in for the CLI: answers control requests, and a question with as many pieces of text, at such a pace, as the
 * question says. Each piece is the time at which it was written, so that the reader knows how long it was under way.
 */

import { writeSync } from "node:fs";

export interface Emission {
  pieces: number;
  /** Ms between two pieces. */
  every: number;
}

/** The question that asks for it. */
export function question(emission: Emission): string {
  return JSON.stringify(emission);
}

/** Epoch ms with fractions, the same for all processes of a machine. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Ms since each piece in the text was written: pieces that came together are told apart by their line ends. */
export function agesOf(text: string): number[] {
  const now = clock();
  return text
    .trim()
    .split("\n")
    .map((stamp) => now - Number(stamp));
}

function write(frame: object): void {
  writeSync(1, `${JSON.stringify(frame)}\n`);
}

function emit(event: object): void {
  write({ type: "stream_event", event, session_id: "", parent_tool_use_id: null, uuid: "" });
}

/** Sleeps and writes without an event loop: fifty of these have to leave the machine to those that are measured. */
function answer({ pieces, every }: Emission): void {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: "msg_emitter", type: "message", role: "assistant", model: "emitter", content: [], usage };
  emit({ type: "message_start", message });
  emit({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
  const start = clock();
  for (let piece = 0; piece < pieces; piece++) {
    const wait = start + piece * every - clock();
    if (wait > 0) Bun.sleepSync(wait);
    emit({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: `${clock().toFixed(3)}\n` } });
  }
  emit({ type: "content_block_stop", index: 0 });
  emit({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage });
  emit({ type: "message_stop" });
  write({ type: "result", subtype: "success", is_error: false, result: "", session_id: "", uuid: "" });
}

if (import.meta.main) {
  if (process.argv.includes("--version")) {
    console.log("2.1.330 (emitter)");
    process.exit(0);
  }
  for await (const line of console) {
    const frame = JSON.parse(line);
    if (frame.type === "control_request") {
      const response = { subtype: "success", request_id: frame.request_id, response: {} };
      write({ type: "control_response", response });
    } else if (frame.type === "user") {
      answer(JSON.parse(frame.message.content[0].text));
    }
  }
}
