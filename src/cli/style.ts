/**
 * The styles of our own text. A style is marked by what nobody outside of this process knows, and becomes an escape
 * sequence where `write` prints it (output.ts): text from elsewhere can therefore not style anything.
 */

import { randomUUID } from "node:crypto";
import { escapeControls } from "../core/terminal-text.ts";

const mark = `\ue000${randomUUID()}:`;
const marks = new RegExp(`${mark}([\\d;]*)\ue001`, "g");

const code = (codes: string | number) => `${mark}${codes}\ue001`;
const style = (on: number, off: number) => (text: string) => `${code(on)}${text}${code(off)}`;

export const bold = style(1, 22);
export const dim = style(2, 22);
export const red = style(31, 39);
export const green = style(32, 39);
export const yellow = style(33, 39);

/** Takes over the colours of a text that is our own and was made by a library. Never for text from elsewhere. */
export function ownColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of colours
  return text.replace(/\u001b\[([\d;]*)m/g, (_, codes: string) => code(codes));
}

/** The text as a terminal, or a file, may have it: only our own styles are escape sequences, and only with `coloured`. */
export function rendered(text: string, coloured: boolean): string {
  const safe = escapeControls(text.replaceAll("\r\n", "\n"));
  return safe.replace(marks, coloured ? "\u001b[$1m" : "");
}
