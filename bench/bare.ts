/** The CLI driven by hand, by our own recipe but with no server between: the floor of what any server can reach. */

import { join } from "node:path";
import { type ClaudeProcess, spawnClaude } from "../src/claude/process.ts";
import { userFrame } from "../src/claude/protocol.ts";
import { recipe } from "../src/claude/recipe.ts";
import type { Temp } from "../test/harness/temp.ts";
import { model, type Timing } from "./client.ts";

export interface BareOptions {
  bin: string;
  temp: Temp;
  apiUrl?: string;
}

/** Starts the CLI, with `flags` beside ours; nothing is waited for. */
export function bootBare({ bin, temp, apiUrl }: BareOptions, flags: readonly string[] = []): ClaudeProcess {
  const { argv, ...place } = recipe({
    bin,
    model,
    identity: { kind: "isolated", home: temp.home, token: "sk-ant-oat01-bench" },
    scratch: temp.home,
    hostTools: null,
    temporary: join(temp.home, "tmp"),
    upstreamUrl: apiUrl,
    environment: { PATH: process.env.PATH, LANG: process.env.LANG },
  });
  return spawnClaude({ argv: [...argv, ...flags], ...place });
}

/** Sets the system prompt, which a process takes once. */
export function initializeBare(claude: ClaudeProcess): void {
  claude.request({ subtype: "initialize", systemPrompt: [""] }).catch(() => {});
}

export function startBare(options: BareOptions): ClaudeProcess {
  const claude = bootBare(options);
  initializeBare(claude);
  return claude;
}

/**
 * Asks, and times the answer from `since`; `onText` gets each piece of it. Resolves when the process is ready for the
 * next question, which is after the answer's end.
 */
export function askBare(
  claude: ClaudeProcess,
  text: string,
  since = performance.now(),
  onText: (piece: string) => void = () => {},
): Promise<Timing> {
  return new Promise((resolve, reject) => {
    let firstToken: number | null = null;
    let total: number | null = null;
    claude.listen({
      frame(frame) {
        if (frame.type === "stream_event") {
          const { event } = frame;
          if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
            firstToken ??= performance.now() - since;
            onText(event.delta.text);
          } else if (event.type === "message_stop") {
            total = performance.now() - since;
          }
        } else if (frame.type === "result") {
          claude.listen(null);
          if (firstToken === null || total === null) reject(new Error("The bare CLI gave no answer."));
          else resolve({ firstToken, total });
        }
      },
      exit: (exit) => reject(new Error(`The bare CLI ended: ${exit.stderr}`)),
    });
    claude.send(userFrame([{ type: "text", text }], true));
  });
}
