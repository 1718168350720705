/** What the editors of all formats need to know of a text: how it is laid out, and cutting and pasting in it. */

/** Replaces a part of the text, or, where both ends are the same, puts something in. */
export interface Splice {
  from: number;
  to: number;
  text: string;
}

/** The splices are about the text as it is now, and do not overlap. */
export function splice(text: string, splices: readonly Splice[]): string {
  return [...splices]
    .sort((a, b) => b.from - a.from)
    .reduce((rest, { from, to, text: put }) => rest.slice(0, from) + put + rest.slice(to), text);
}

export function endOfLineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** One level, as the first line that is indented has it; `usual` where none is. */
export function indentOf(text: string, usual: string): string {
  if (/^\t/m.test(text)) return "\t";
  return /^( +)\S/m.exec(text)?.[1] ?? usual;
}

/** Where the line of `offset` begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Where the line after that of `offset` begins, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end === -1 ? text.length : end + 1;
}

/** The white space that the line of `offset` begins with. */
export function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset)))?.[0] ?? "";
}

/** Whether nothing but white space is before `offset` on its line. */
export function startsLine(text: string, offset: number): boolean {
  return /^[ \t]*$/.test(text.slice(lineStart(text, offset), offset));
}

/** Puts whole lines at the beginning of a line, or at the end of a text whose last line may lack its end. */
export function pasteLines(text: string, offset: number, lines: readonly string[]): string {
  const eol = endOfLineOf(text);
  const open = offset > 0 && text[offset - 1] !== "\n";
  return splice(text, [
    { from: offset, to: offset, text: (open ? eol : "") + lines.map((line) => line + eol).join("") },
  ]);
}
