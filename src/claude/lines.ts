/** Splits a byte stream into text lines; a line over the bound is skipped, never kept in memory, never fatal. */

export interface LineSplitter {
  /** Hands every line that `bytes` completes to `onLine`, without its line end. */
  push(bytes: Uint8Array): void;
}

/** `maxLength` in UTF-16 units. */
export function splitLines(onLine: (line: string) => void, onSkipped: () => void, maxLength: number): LineSplitter {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  let skipping = false;

  const add = (text: string) => {
    if (skipping) return;
    length += text.length;
    if (length > maxLength) {
      skipping = true;
      parts = [];
      onSkipped();
    } else if (text !== "") {
      parts.push(text);
    }
  };

  return {
    push(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      let from = 0;
      for (;;) {
        const end = text.indexOf("\n", from);
        if (end < 0) break;
        add(text.slice(from, end));
        const line = parts.length === 1 ? (parts[0] as string) : parts.join("");
        const complete = !skipping;
        parts = [];
        length = 0;
        skipping = false;
        from = end + 1;
        if (complete && line !== "") onLine(line);
      }
      add(text.slice(from));
    },
  };
}
