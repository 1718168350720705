/** Questions to whoever sits at the terminal, other than for a yes. */

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { escapeControls } from "../core/terminal-text.ts";
import { canAsk } from "./confirm.ts";
import { type Host, usageError } from "./output.ts";

/** The line that is typed, without blanks around it; an empty one stands for `otherwise`. */
export async function askLine(question: string, otherwise: string, host: Host): Promise<string> {
  const terminal = createInterface({ input: host.stdin, output: host.stderr });
  try {
    return (await terminal.question(escapeControls(`${question} [${otherwise}] `))).trim() || otherwise;
  } finally {
    terminal.close();
  }
}

/** The same, and nobody sees what is typed. Throws OcpError invalid_request with `instead` where nobody can be asked. */
export async function askSecret(question: string, instead: string, host: Host): Promise<string> {
  if (!canAsk(host)) throw usageError(instead);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  // From here on the terminal shows nothing that is typed, which must be so before the question is read.
  const terminal = createInterface({ input: host.stdin, output: silent, terminal: true });
  try {
    const answer = terminal.question("");
    host.stderr.write(escapeControls(`${question} `));
    return (await answer).trim();
  } finally {
    terminal.close();
    host.stderr.write("\n");
  }
}
