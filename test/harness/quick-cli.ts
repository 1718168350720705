/** A program in the place of the CLI that answers with two words, in sh: it starts in a ms, for tests that want many. */

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ending, messageStart, text, textStart } from "./fake-cli.ts";

/** A message with these words is answered with the first word alone. */
export const unended = "never end";

/**
 * Returns the path for CLAUDE_BIN. `directory` is a test's own, and outlives the program; `pause` is how many seconds
 * lie between the two words, which hold no single quote.
 */
export function createQuickCli(
  directory: string,
  pause = "0",
  [first, second]: readonly [string, string] = ["Hello", " world"],
): string {
  const bin = join(directory, "quick-claude");
  const frames = (some: readonly unknown[]) => some.map((frame) => `${JSON.stringify(frame)}\n`).join("");
  // No frame holds a quote that ends a text of the shell.
  const script = `#!/bin/sh
case "$*" in *--version*) echo "2.1.330 (Claude Code)"; exit ;; esac
while IFS= read -r line; do
  case "$line" in
    *'"type":"control_request"'*)
      id=\${line#*'"request_id":"'}
      printf '{"type":"control_response","response":{"subtype":"success","request_id":"%s","response":{"pid":%s}}}\\n' "\${id%%'"'*}" "$$" ;;
    *'"type":"user"'*)
      printf '%s' '${frames([messageStart, textStart, text(first)])}'
      case "$line" in *'${unended}'*) continue ;; esac
      sleep ${pause}
      printf '%s' '${frames([text(second), ...ending])}' ;;
  esac
done
`;
  writeFileSync(bin, script);
  chmodSync(bin, 0o755);
  return bin;
}
