/**
 * A program in the place of the CLI that says what a test tells it, also what the real one never would. Control
 * requests and the messages of a history are answered as the CLI answers them.
 */

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface FakeCli {
  /** For CLAUDE_BIN. */
  bin: string;
  /** From now on this is written for a message that is to be answered; a string is a line as it is. */
  says(frames: readonly unknown[]): void;
}

/** `directory` is a test's own, and outlives the program. */
export function createFakeCli(directory: string): FakeCli {
  const bin = join(directory, "claude");
  const file = join(directory, "frames");
  const program = join(import.meta.dir, "fake-claude.ts");
  writeFileSync(file, "");
  writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${program}' '${file}' "$@"\n`);
  chmodSync(bin, 0o755);
  return {
    bin,
    says(frames) {
      const lines = frames.map((frame) => (typeof frame === "string" ? frame : JSON.stringify(frame)));
      writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
    },
  };
}

/** An event of the API's stream, as the CLI passes it on. */
export const event = (of: object) => ({ type: "stream_event", parent_tool_use_id: null, event: of });

export const messageStart = event({
  type: "message_start",
  message: { model: "claude-sonnet-5-5", usage: { input_tokens: 3, output_tokens: 1 } },
});
export const textStart = event({
  type: "content_block_start",
  index: 0,
  content_block: { type: "text", text: "" },
});
export const delta = (of: object) => event({ type: "content_block_delta", index: 0, delta: of });
export const text = (piece: string) => delta({ type: "text_delta", text: piece });
export const ending = [
  event({ type: "content_block_stop", index: 0 }),
  event({
    type: "message_delta",
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: 5 },
  }),
  event({ type: "message_stop" }),
  { type: "result", subtype: "success", is_error: false, result: "Hello world" },
];
