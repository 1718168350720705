/** A question to whoever sits at the terminal; without one nobody is asked. */

import { createInterface } from "node:readline/promises";
import { escapeControls } from "../core/terminal-text.ts";
import { type Host, usageError } from "./output.ts";

/**
 * Whether the answer is yes. `agreed`: `--yes` was given. Throws OcpError invalid_request where nobody can be asked,
 * since then only `--yes` can agree.
 */
export async function confirm(question: string, agreed: boolean, host: Host): Promise<boolean> {
  if (agreed) return true;
  if (!canAsk(host)) throw usageError(`${question} Nobody can be asked here: say --yes.`);
  const terminal = createInterface({ input: host.stdin, output: host.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(escapeControls(`${question} [y/N] `))).trim());
  } finally {
    terminal.close();
  }
}

export function canAsk(host: Host): boolean {
  return host.stdin.isTTY === true && host.stderr.isTTY === true;
}
