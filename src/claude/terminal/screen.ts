/** What a person would see on the terminal: for the one mode that matters to us, and for the log when all goes wrong. */

import { Terminal } from "@xterm/headless";

export const size = { cols: 160, rows: 50 };

export interface Screen {
  feed(bytes: Uint8Array): void;
  /** How often the program has asked for bracketed pastes: it does so whenever it begins to take input (2.1.197, 2.1.330). */
  readonly openings: number;
  /** The lines, without the white space at their ends. */
  text(): string;
  /** Calls `listener` whenever something was drawn; null: nobody. */
  watch(listener: (() => void) | null): void;
}

/** `reply` gets what the terminal itself answers to the program's questions. */
export function createScreen(reply: (text: string) => void): Screen {
  const terminal = new Terminal({ ...size, scrollback: 0, allowProposedApi: true });
  let openings = 0;
  let watcher: (() => void) | null = null;
  terminal.parser.registerCsiHandler({ prefix: "?", final: "h" }, (modes) => {
    if (modes.includes(2004)) openings++;
    return false;
  });
  terminal.onData(reply);

  return {
    feed: (bytes) => terminal.write(bytes, () => watcher?.()),
    get openings() {
      return openings;
    },
    text() {
      const { active } = terminal.buffer;
      const lines = Array.from(
        { length: size.rows },
        (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? "",
      );
      return lines.join("\n").trim();
    },
    watch(listener) {
      watcher = listener;
    },
  };
}
