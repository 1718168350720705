/**
 * Bounds on foreign JSON, checked over the text before it is parsed. `JSON.parse` takes any depth, but
 * `JSON.stringify` and every recursive function overflow the stack at some 20,000 levels (Bun 1.4.5); and a text of
 * 16 MB can hold eight million values, which take a gigabyte and a minute.
 */

/** Levels of arrays and objects within one another. */
export const maxDepth = 256;
/** Values and names together. */
export const maxValues = 200_000;
/** Characters of a number. Parsing takes the square of its length: 3 s for 30 MB of digits. */
export const maxNumber = 1_000;

export interface JsonBounds {
  depth: number;
  values: number;
}

export interface JsonShape {
  /** Values and names. Where a bound is passed, those up to there. */
  values: number;
  /** The bound that the text passes; null: none. */
  over: "depth" | "values" | "number" | null;
  /** The outermost name under which that happens, if it is a plain word. */
  name: string | null;
}

const quote = 34;
const backslash = 92;
const [openBracket, closeBracket, openBrace, closeBrace] = [91, 93, 123, 125];
const [comma, colon] = [44, 58];

/** Reads a text that should be JSON as far as its bounds need it; whether it is JSON is left to the parser. */
export function shapeOf(text: string, bounds: JsonBounds = { depth: maxDepth, values: maxValues }): JsonShape {
  let depth = 0;
  let values = 0;
  /** Where the number or word began that the character before belonged to; -1: it belonged to none. */
  let token = -1;
  let name: string | null = null;

  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case quote: {
        const end = endOfString(text, at);
        // An unfinished text is the parser's to refuse.
        if (end === -1) return { values: values + 1, over: null, name: null };
        if (depth === 1 && end - at <= 40 && text.charCodeAt(end + 1) === colon) name = text.slice(at + 1, end);
        at = end;
        values++;
        token = -1;
        break;
      }
      case openBracket:
      case openBrace:
        depth++;
        values++;
        token = -1;
        break;
      case closeBracket:
      case closeBrace:
        depth--;
        token = -1;
        break;
      case comma:
      case colon:
        token = -1;
        break;
      default:
        if (code <= 32) token = -1;
        else if (token === -1) {
          token = at;
          values++;
        } else if (at - token >= maxNumber) return { values, over: "number", name: plain(name) };
    }
    if (depth > bounds.depth) return { values, over: "depth", name: plain(name) };
    if (values > bounds.values) return { values, over: "values", name: plain(name) };
  }
  return { values, over: null, name: null };
}

/** The place of the quote that ends the string which begins at `start`; -1 when there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return -1;
}

function plain(name: string | null): string | null {
  return name !== null && /^[a-zA-Z_]{1,40}$/.test(name) ? name : null;
}

/** The parsed value; undefined where the text is not JSON or passes a bound. */
export function parseBounded(text: string, bounds?: JsonBounds): unknown {
  if (shapeOf(text, bounds).over !== null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
