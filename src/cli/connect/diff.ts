/** A change of a file as it is shown: what goes and what comes, without the key. */

import { structuredPatch } from "diff";
import { dim, green, red } from "../style.ts";

/** Lines; at most `most` of them. `secrets` are shown by their first characters. */
export function diffLines(
  path: string,
  before: string,
  after: string,
  secrets: readonly (string | null)[],
  most: number,
): string[] {
  const { hunks } = structuredPatch("", "", before, after, undefined, undefined, { context: 2 });
  const all = hunks.flatMap(({ oldStart, newStart, lines }) => [
    dim(`@@ line ${Math.max(oldStart, newStart, 1)}`),
    ...lines.map((line) => coloured(isAllKeys(path) ? withoutValues(line) : masked(line, secrets))),
  ]);
  if (all.length <= most) return all;
  return [...all.slice(0, most), dim(`  and ${all.length - most} more lines; --dry-run shows all`)];
}

function coloured(line: string): string {
  // Nothing in the user's file moves the cursor.
  const shown = line.replace(/[\p{Cc}]/gu, (char) => (char === "\t" ? "  " : ""));
  if (line.startsWith("+")) return green(shown);
  return line.startsWith("-") ? red(shown) : shown;
}

/** What is on a screen is read by others: neither our key is shown there, nor one that stands beside it. */
export function masked(text: string, secrets: readonly (string | null)[]): string {
  const known = secrets
    .filter((secret) => secret !== null && secret !== "")
    .reduce<string>((rest, secret) => rest.replaceAll(secret ?? "", short(secret ?? "")), text);
  return known
    .replace(
      /((?:key|token|secret|passw\w{0,40}|_pat|auth\w{0,40})["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s"',{}[\]]{4,})/gi,
      (_, name: string, value: string) => name + shortValue(value),
    )
    .replace(/\b(sk-|gh[a-z]_|ocp_|xox[a-z]-|Bearer )[\w.-]{6,}/g, (value) =>
      value.endsWith("...") ? value : short(value),
    );
}

/** Files in which every value is a key, whatever its name. */
function isAllKeys(path: string): boolean {
  return /(^|[/\\])keys\.json$/.test(path);
}

function withoutValues(line: string): string {
  return line.replace(/(:\s*")[^"]*"/g, '$1..."');
}

/** With its quotes. A name of something that is not secret, as `api_key_name: ocp`, stays. */
function shortValue(value: string): string {
  const [, quote = "", inner = ""] = /^(["']?)(.*?)\1$/s.exec(value) ?? [];
  return inner.endsWith("...") ? value : `${quote}${short(inner)}${quote}`;
}

function short(secret: string): string {
  return `${secret.length < 12 ? "" : secret.slice(0, 6)}...`;
}
