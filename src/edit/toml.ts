/** TOML: settings at its root, and tables under a header of their own. */

import { type AST, getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import type { Format } from "./format.ts";
import { isFields } from "./path.ts";
import { lineStart, nextLine, pasteLines, splice } from "./text.ts";

export const toml: Format = {
  read: (text) => getStaticTOMLValue(parsed(text)),
  change(text, { path, value }) {
    const [key, ...below] = path.map((step) => {
      if (typeof step !== "string") throw new Error("Nothing is put into a list of TOML.");
      return step;
    });
    if (key === undefined) throw new Error("The whole of it is not replaced.");
    return isFields(value) || below.length > 0 ? setTable(text, [key, ...below], value) : setRoot(text, key, value);
  },
};

type Part = AST.TOMLKeyValue | AST.TOMLTable;

function parsed(text: string): AST.TOMLProgram {
  return parseTOML(text, { tomlVersion: "1.0" });
}

function partsOf(text: string): Part[] {
  return parsed(text).body[0].body;
}

/** A setting before the first table; undefined takes it out. */
function setRoot(text: string, key: string, value: unknown): string {
  const parts = partsOf(text);
  const found = parts.find((part) => part.type === "TOMLKeyValue" && keysOf(part.key).join(".") === key);
  if (found?.type === "TOMLKeyValue") {
    const [from, to] = found.value.range;
    if (value !== undefined) return splice(text, [{ from, to, text: printed(value) }]);
    return splice(text, [{ from: lineStart(text, found.range[0]), to: nextLine(text, found.range[1]), text: "" }]);
  }
  if (value === undefined) return text;
  const last = parts.findLast(({ type }) => type === "TOMLKeyValue");
  const table = parts.find(({ type }) => type === "TOMLTable");
  const line = `${nameOf(key)} = ${printed(value)}`;
  if (last) return pasteLines(text, nextLine(text, last.range[1]), [line]);
  // Before what is said of the table.
  if (table) return pasteLines(text, commentsBefore(text, table.range[0]), [line, ""]);
  return pasteLines(text, text.length, [line]);
}

/** Writes the table anew under a header of its own, and takes away all that is under its name now. */
function setTable(text: string, keys: readonly string[], value: unknown): string {
  const parts = partsOf(text);
  const isOurs = (name: readonly (string | number)[]) => keys.every((key, at) => name[at] === key);
  const cuts = parts.flatMap((part) => {
    if (part.type === "TOMLTable" && isOurs(part.resolvedKey)) return [tableSpan(text, part)];
    const [entries, above] = part.type === "TOMLTable" ? [part.body, part.resolvedKey] : [[part], []];
    return entries
      .filter((entry) => isOurs([...above, ...keysOf(entry.key)]))
      .map(({ range }) => ({ from: lineStart(text, range[0]), to: nextLine(text, range[1]), text: "" }));
  });
  const [first] = cuts;
  const without = splice(text, cuts);
  if (value === undefined) return cuts.length === 0 ? text : without;
  if (!isFields(value)) throw new Error("Only a table can be put so deep into TOML.");
  const lines = section(keys, value);
  // Where it was, if that was a table of its own.
  if (first && parts.some((part) => part.type === "TOMLTable" && isOurs(part.resolvedKey))) {
    if (without.slice(first.from).trim() !== "") return pasteLines(without, first.from, [...lines, ""]);
  }
  return pasteLines(without, without.length, without.trim() === "" ? lines : ["", ...lines]);
}

/** The table under its header, and after it those within it under theirs. */
function section(keys: readonly string[], value: Readonly<Record<string, unknown>>): string[] {
  const entries = Object.entries(value);
  const inner = entries.flatMap(([key, each]) => (isFields(each) ? ["", ...section([...keys, key], each)] : []));
  const own = entries.filter(([, each]) => !isFields(each)).map(([key, each]) => `${nameOf(key)} = ${printed(each)}`);
  return [`[${keys.map(nameOf).join(".")}]`, ...own, ...inner];
}

/** With the blank lines behind it, or, for the last one, those before it. */
function tableSpan(text: string, table: AST.TOMLTable) {
  const from = lineStart(text, table.range[0]);
  let to = nextLine(text, table.range[1]);
  while (to < text.length && text.slice(to, nextLine(text, to)).trim() === "") to = nextLine(text, to);
  if (to < text.length) return { from, to, text: "" };
  let blank = from;
  while (" \t\r\n".includes(text[blank - 1] ?? "-")) blank--;
  const lineEnd = text.indexOf("\n", blank) + 1;
  return { from: lineEnd > 0 ? Math.min(from, lineEnd) : from, to, text: "" };
}

/** Where the comment lines right above `offset` begin. */
function commentsBefore(text: string, offset: number): number {
  let at = lineStart(text, offset);
  while (at > 0) {
    const above = lineStart(text, at - 1);
    if (!/^[ \t]*#/.test(text.slice(above, at))) break;
    at = above;
  }
  return at;
}

function keysOf(key: AST.TOMLKey): string[] {
  return key.keys.map((each) => (each.type === "TOMLBare" ? each.name : each.value));
}

function nameOf(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}

/** JSON's strings, numbers and booleans are TOML's, but for DEL, which TOML wants escaped. */
function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(", ")}]`;
  if (typeof value === "object") throw new Error("No table can be put here.");
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}
