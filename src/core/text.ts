/** Parts of texts by plain searches: an expression that does the same may take the square of the text's length. */

/** Without all of this character at its end. */
export function withoutTrailing(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end--;
  return text.slice(0, end);
}

/** A URL without the slashes and the `/v1` at its end. */
export function withoutVersion(url: string): string {
  const bare = withoutTrailing(url, "/");
  return bare.endsWith("/v1") ? withoutTrailing(bare.slice(0, -"/v1".length), "/") : bare;
}

/** Tells whether it is a semantic version of the size that releases have: `Bun.semver.order` throws for others. */
export function isVersion(text: string): boolean {
  return text.length <= 60 && /^\d{1,5}\.\d{1,5}\.\d{1,5}([-+][0-9A-Za-z.+-]*)?$/.test(text);
}

/** Returns the text between the first `open` and the next `close` behind it, and where it ends; null: there is none. */
export function between(text: string, open: string, close: string, from = 0): { inside: string; end: number } | null {
  const start = text.indexOf(open, from);
  const end = start < 0 ? -1 : text.indexOf(close, start + open.length);
  return end < 0 ? null : { inside: text.slice(start + open.length, end), end: end + close.length };
}
