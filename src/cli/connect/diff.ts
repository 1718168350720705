/** A change of a file as it is shown: what goes and what comes, without the key. */

import { structuredPatch } from "diff";

const [red, green, dim, plain] = ["\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"];

/** Lines; at most `most` of them. `secrets` are shown by their first characters. */
export function diffLines(before: string, after: string, secrets: readonly (string | null)[], most: number): string[] {
  const { hunks } = structuredPatch("", "", before, after, undefined, undefined, { context: 2 });
  const all = hunks.flatMap(({ oldStart, newStart, lines }) => [
    `${dim}@@ line ${Math.max(oldStart, newStart, 1)}${plain}`,
    ...lines.map((line) => coloured(masked(line, secrets))),
  ]);
  if (all.length <= most) return all;
  return [...all.slice(0, most), `${dim}  and ${all.length - most} more lines; --dry-run shows all${plain}`];
}

function coloured(line: string): string {
  // Nothing in the user's file moves the cursor.
  const shown = line.replace(/[\p{Cc}]/gu, (char) => (char === "\t" ? "  " : ""));
  if (line.startsWith("+")) return `${green}${shown}${plain}`;
  return line.startsWith("-") ? `${red}${shown}${plain}` : shown;
}

export function masked(text: string, secrets: readonly (string | null)[]): string {
  return secrets
    .filter((secret) => secret !== null && secret.length >= 8)
    .reduce<string>((rest, secret) => rest.replaceAll(secret ?? "", `${secret?.slice(0, 6)}...`), text);
}
