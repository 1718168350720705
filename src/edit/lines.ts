/** Files of lines, such as what a shell reads when it starts: each edit is one line, which is there or not. */

import type { Format } from "./format.ts";
import { isItem } from "./path.ts";
import { lineStart, nextLine, pasteLines, splice } from "./text.ts";

export const lines: Format = {
  read: (text) =>
    text === "" ? undefined : text.split(/\r?\n/).filter((line, at, all) => line !== "" || at < all.length - 1),
  change(text, { path: [step], value }) {
    if (step === undefined || typeof step === "string") throw new Error("A line is found by what it says.");
    const found = text.split("\n").findIndex((line) => isItem(line.replace(/\r$/, ""), step));
    if (found === -1) return value === undefined ? text : pasteLines(text, text.length, [String(value)]);
    if (value !== undefined) return text;
    const from = text.split("\n").slice(0, found).join("\n").length + (found === 0 ? 0 : 1);
    return splice(text, [{ from: lineStart(text, from), to: nextLine(text, from), text: "" }]);
  },
};
