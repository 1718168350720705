/** Text from elsewhere on a terminal: a character that would act on the terminal or mislead its reader is shown as its code. */

/**
 * All controls (C0, DEL, C1) but tab and line break; marks that turn the direction of writing; line and paragraph
 * separators; characters that are never seen, tags among them. U+200C and U+200D stay: Persian and emoji need them.
 */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]|\udb40[\udc00-\udc7f]/g;

/** Each such character as `\uXXXX`, which in JSON stands for the same value. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (found) => found.split("").map(escaped).join(""));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The text as one line, for the cell of a table or a sentence: line breaks and tabs become blanks. */
export function onOneLine(text: string): string {
  return escapeControls(text.replace(/[\t\n\r]+/g, " "));
}
