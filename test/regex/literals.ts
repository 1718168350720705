/** Finds the regular expressions in a source text. A small scanner: the compiler has none that can be called. */

export interface RegexLiteral {
  /** From 1. */
  line: number;
  source: string;
  flags: string;
}

/** After these words a slash begins an expression; after any other word it divides. */
const words = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "do",
  "else",
  "void",
  "delete",
  "throw",
  "new",
  "await",
  "yield",
]);

/** The literals of a TypeScript text, with or without JSX. */
export function regexLiteralsOf(text: string): RegexLiteral[] {
  const found: RegexLiteral[] = [];
  /** Braces within templates: how many are open since each `${`. */
  const templates: number[] = [];
  let line = 1;
  /** Whether what stands before is a value, so that a slash divides. */
  let afterValue = false;
  let at = 0;

  const skip = (to: number) => {
    for (; at < to; at++) if (text[at] === "\n") line++;
  };
  /** The index behind the string's or template part's end, which is one of `ends`. */
  const behind = (from: number, ends: readonly string[]): number => {
    for (let index = from; index < text.length; index++) {
      if (text[index] === "\\") index++;
      else if (ends.some((end) => text.startsWith(end, index))) return index;
    }
    return text.length;
  };
  const template = (from: number) => {
    const end = behind(from, ["`", "${"]);
    const opens = text[end] === "$";
    if (opens) templates.push(0);
    afterValue = !opens;
    skip(end + (opens ? 2 : 1));
  };

  while (at < text.length) {
    const char = text[at] as string;
    if (text.startsWith("//", at)) skip(behind(at, ["\n"]));
    else if (text.startsWith("/*", at)) skip(text.indexOf("*/", at) + 2);
    else if (char === '"' || char === "'") {
      skip(behind(at + 1, [char, "\n"]) + 1);
      afterValue = true;
    } else if (char === "`") template(at + 1);
    else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      template(at + 1);
    } else if (char === "/" && !afterValue && text[at - 1] !== "<" && text[at + 1] !== ">") {
      const end = endOfRegex(text, at);
      let last = end + 1;
      while (/[a-z]/.test(text[last] ?? "")) last++;
      found.push({ line, source: text.slice(at + 1, end), flags: text.slice(end + 1, last) });
      skip(last);
      afterValue = true;
    } else if (/[A-Za-z0-9_$]/.test(char)) {
      let end = at;
      while (/[A-Za-z0-9_$]/.test(text[end] ?? "")) end++;
      afterValue = !words.has(text.slice(at, end));
      skip(end);
    } else {
      const open = templates.length - 1;
      if (open >= 0 && char === "{") templates[open] = (templates[open] ?? 0) + 1;
      if (open >= 0 && char === "}") templates[open] = (templates[open] ?? 0) - 1;
      if (char.trim() !== "") afterValue = char === ")" || char === "]" || char === "}";
      skip(at + 1);
    }
  }
  return found;
}

function endOfRegex(text: string, from: number): number {
  let inClass = false;
  for (let index = from + 1; index < text.length; index++) {
    const char = text[index];
    if (char === "\\") index++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return index;
    else if (char === "\n") throw new Error(`What was taken for an expression is none: ${text.slice(from, index)}`);
  }
  throw new Error("An expression has no end.");
}
