/** Hashes a value piece by piece: as one JSON text, a conversation of 16 MB would be copied three times for it. */

/** Characters that are hashed at a time. */
const piece = 65_536;

/** A SHA-256 in base64url of a JSON value. Two values have the same only if their JSON is the same. */
export function digestOf(value: unknown): string {
  const hasher = new Bun.CryptoHasher("sha256");
  let gathered = "";
  const put = (text: string) => {
    gathered += text;
    if (gathered.length < piece) return;
    hasher.update(gathered);
    gathered = "";
  };
  const putText = (text: string) => {
    put(`"${text.length}:`);
    for (let from = 0, to = 0; from < text.length; from = to) {
      to = from + piece;
      // Half of a character outside the basic plane hashes as any other half does.
      if ((text.codePointAt(to - 1) ?? 0) > 0xffff) to++;
      put(text.slice(from, to));
    }
  };

  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string") {
      putText(next);
    } else if (Array.isArray(next)) {
      put(`[${next.length},`);
      for (let at = next.length - 1; at >= 0; at--) open.push(next[at]);
    } else if (typeof next === "object" && next !== null) {
      const entries = Object.entries(next).filter(([, child]) => child !== undefined);
      put(`{${entries.length},`);
      for (const [key, child] of entries.reverse()) open.push(child, key);
    } else {
      put(`${next},`);
    }
  }
  return hasher.update(gathered).digest("base64url");
}
