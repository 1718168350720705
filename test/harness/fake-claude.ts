/** The program that fake-cli.ts starts in the place of `claude`: `bun fake-claude.ts FRAMES [the CLI's own arguments]`. */

import { readFileSync, writeSync } from "node:fs";

const [, , file = "", ...args] = process.argv;
if (args.includes("--version")) {
  writeSync(1, "2.1.330 (Claude Code)\n");
  process.exit(0);
}

const write = (frame: unknown) => writeSync(1, `${JSON.stringify(frame)}\n`);

for await (const line of console) {
  const frame = JSON.parse(line);
  if (frame.type === "control_request") {
    const { request_id } = frame;
    // As the CLI tells it in its answer to `initialize`.
    write({ type: "control_response", response: { subtype: "success", request_id, response: { pid: process.pid } } });
  } else if (frame.shouldQuery === false) {
    write({ type: "result", subtype: "success", is_error: false, num_turns: 0 });
  } else if (frame.type === "user") {
    const frames = readFileSync(file);
    for (let written = 0; written < frames.length; ) written += writeSync(1, frames, written);
  }
}
