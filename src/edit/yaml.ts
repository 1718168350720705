/** YAML of one document: settings at its root, and items of a list that is there or is the document. */

import {
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  type Scalar,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Format } from "./format.ts";
import { isItem, type Path, type Step } from "./path.ts";
import { endOfLineOf, indentAt, lineStart, nextLine, pasteLines, type Splice, splice, startsLine } from "./text.ts";

export const yaml: Format = {
  read: (text) => documentOf(text).toJS() ?? undefined,
  change(text, { path, value }) {
    const [step, item, ...rest] = path;
    if (step === undefined || rest.length > 0) throw new Error("Nothing is put so deep into YAML.");
    const { contents } = documentOf(text);
    if (typeof step !== "string") {
      if (contents === null || isEmptyScalar(contents)) {
        return value === undefined ? text : pasteLines(text, text.length, listItem(value, ""));
      }
      if (item !== undefined || !isSeq(contents)) throw new Error("The document is no list.");
      return inList(text, contents, step, value, "");
    }
    if (contents !== null && !isEmptyScalar(contents) && !isMap(contents)) throw new Error("The document is no table.");
    const root = isMap(contents) ? contents : null;
    if (root?.flow) throw new Error("The document is written on one line.");
    const pair = root?.items.find(({ key }) => isScalar(key) && key.value === step);
    if (item === undefined) return setRoot(text, root, pair, step, value);
    if (typeof item === "string") throw new Error("Nothing is put so deep into YAML.");
    return setItem(text, root, pair, { step, item, value });
  },
  append(text, around, entries) {
    const list = listOfLines(text, around);
    if (list === null) return null;
    const indent = indentAt(text, text.lastIndexOf("-", startOf(list.items[0]) - 1));
    const lines = entries.flatMap(({ value }) => listItem(value, indent));
    return pasteLines(text, endOfLines(text, list.items.at(-1)), lines);
  },
  cut(text, around, steps) {
    const list = listOfLines(text, around);
    if (list === null || steps.some((step) => typeof step === "string")) return null;
    const wanted = steps as ReadonlyArray<Exclude<Step, string>>;
    const gone = list.items.filter((item) => {
      const value = documentItem(item);
      return wanted.some((step) => isItem(value, step));
    });
    const spans = gone.map((item) => {
      const dash = text.lastIndexOf("-", startOf(item) - 1);
      return { from: startsLine(text, dash) ? lineStart(text, dash) : -1, to: endOfLines(text, item), text: "" };
    });
    return gone.length === list.items.length || spans.some(({ from }) => from < 0) ? null : splice(text, spans);
  },
};

/** The list at the path, if it has items and each is on lines of its own; null: it is changed an item at a time. */
function listOfLines(text: string, [step, ...rest]: Path): YAMLSeq | null {
  const { contents } = documentOf(text);
  const pair = isMap(contents) ? contents.items.find(({ key }) => isScalar(key) && key.value === step) : undefined;
  const list = step === undefined ? contents : pair?.value;
  return rest.length === 0 && isSeq(list) && !list.flow && list.items.length > 0 ? list : null;
}

/** Throws for what is not YAML, or is several documents. */
function documentOf(text: string) {
  const [document, ...more] = parseAllDocuments(text, { keepSourceTokens: true });
  if (document === undefined || !("contents" in document)) return { contents: null, toJS: () => null };
  const [problem] = document.errors;
  if (problem) throw problem;
  if (more.length > 0) throw new Error("it holds several documents");
  return document;
}

function isEmptyScalar(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

/** A setting at the root. */
function setRoot(text: string, root: YAMLMap | null, pair: Pair | undefined, key: string, value: unknown): string {
  if (pair === undefined || root === null) {
    if (value === undefined) return text;
    const indent = root?.items[0] ? indentAt(text, startOf(root.items[0].key)) : "";
    return pasteLines(text, root ? endOfLines(text, root) : text.length, printed({ [key]: value }, indent));
  }
  const from = lineStart(text, startOf(pair.key));
  const end = endOfLines(text, pair.value ?? pair.key);
  if (value === undefined) return splice(text, [{ from, to: end, text: "" }]);
  const [start, stop] = rangeOf(pair.value);
  if (!isScalar(pair.value) || typeof value === "object" || start === stop) {
    const without = splice(text, [{ from, to: end, text: "" }]);
    return pasteLines(without, from, printed({ [key]: value }, indentAt(text, from)));
  }
  return splice(text, [{ from: start, to: stop, text: stringify(value).trimEnd() }]);
}

interface ItemEdit {
  step: string;
  item: Exclude<Step, string>;
  value: unknown;
}

/** An item of the list that is the setting `step` of the root. */
function setItem(text: string, root: YAMLMap | null, pair: Pair | undefined, { step, item, value }: ItemEdit): string {
  const list = pair?.value;
  if (pair === undefined) return value === undefined ? text : setRoot(text, root, pair, step, [value]);
  if (list === null || list === undefined || isEmptyScalar(list)) {
    if (value === undefined) return text;
    // A key without a value is taken for a list that is empty.
    const written = isScalar(list) ? list.range : null;
    const without = written ? splice(text, [{ from: written[0], to: written[1], text: "" }]) : text;
    return pasteLines(
      without,
      nextLine(without, rangeOf(pair.key)[1]),
      listItem(value, `${indentAt(text, startOf(pair.key))}  `),
    );
  }
  if (!isSeq(list)) throw new Error("There is no list to put an item into.");
  const only = list.items.length === 1 && isItem((list.items[0] as YAMLMap).toJSON(), item);
  if (value === undefined && only && !list.flow) {
    const colon = text.indexOf(":", rangeOf(pair.key)[1]) + 1;
    const from = lineStart(text, startOf(list));
    return splice(text, [
      { from: colon, to: colon, text: " []" },
      { from, to: endOfLines(text, list), text: "" },
    ]);
  }
  return inList(text, list, item, value, `${indentAt(text, startOf(pair.key))}  `);
}

/** `indent`: of the items, where there is none yet. */
function inList(text: string, list: YAMLSeq, step: Exclude<Step, string>, value: unknown, indent: string): string {
  const index = list.items.findIndex((item) => isItem(documentItem(item), step));
  const found = list.items[index];
  if (list.flow) return inFlowList(text, list, index, value, indent);
  if (found !== undefined) {
    const dash = text.lastIndexOf("-", startOf(found) - 1);
    if (!startsLine(text, dash)) throw new Error("The item shares its line.");
    const [from, to] = [lineStart(text, dash), endOfLines(text, found)];
    const without = splice(text, [{ from, to, text: "" }]);
    return value === undefined ? without : pasteLines(without, from, listItem(value, indentAt(text, dash)));
  }
  if (value === undefined) return text;
  const [first] = list.items;
  const dashes = first ? indentAt(text, text.lastIndexOf("-", startOf(first) - 1)) : indent;
  return pasteLines(text, endOfLines(text, list.items.at(-1) ?? list), listItem(value, dashes));
}

function inFlowList(text: string, list: YAMLSeq, index: number, value: unknown, indent: string): string {
  const [from, to] = rangeOf(list);
  if (list.items.length === 0) {
    if (value === undefined) return text;
    const eol = endOfLineOf(text);
    const rest = text.slice(to, nextLine(text, to)).trim();
    if (rest !== "" && !rest.startsWith("#")) throw new Error("The list shares its line.");
    // A comment behind the brackets stays on the line of the key.
    const blank = text.slice(0, from).length - text.slice(0, from).trimEnd().length;
    const kept = rest === "" ? "" : ` ${rest}`;
    const body = listItem(value, indent).join(eol);
    return splice(text, [{ from: from - blank, to: nextLine(text, to), text: `${kept}${eol}${body}${eol}` }]);
  }
  const json = JSON.stringify(value);
  const found = list.items[index];
  const last = list.items.at(-1);
  if (found === undefined) {
    if (value === undefined) return text;
    const end = rangeOf(last)[1];
    return splice(text, [{ from: end, to: end, text: `, ${json}` }]);
  }
  const [start, stop] = rangeOf(found);
  if (value !== undefined) return splice(text, [{ from: start, to: stop, text: json }]);
  const next = list.items[index + 1];
  const previous = list.items[index - 1];
  const cut: Splice =
    next !== undefined
      ? { from: start, to: startOf(next), text: "" }
      : { from: previous === undefined ? start : rangeOf(previous)[1], to: stop, text: "" };
  return splice(text, [cut]);
}

function documentItem(item: unknown): unknown {
  return isScalar(item) ? item.value : (item as YAMLMap).toJSON();
}

function listItem(value: unknown, indent: string): string[] {
  return printed([value], indent);
}

function printed(value: unknown, indent: string): string[] {
  return stringify(value, { lineWidth: 0 })
    .trimEnd()
    .split("\n")
    .map((line) => indent + line);
}

/** Past the line on which the node ends, and its comment. */
function endOfLines(text: string, node: unknown): number {
  const [, end] = rangeOf(node);
  return text[end - 1] === "\n" ? end : nextLine(text, end);
}

function startOf(node: unknown): number {
  return rangeOf(node)[0];
}

/** From the first character of the value past its last. */
function rangeOf(node: unknown): [number, number] {
  const [from, to] = (node as Scalar).range ?? [];
  if (from === undefined || to === undefined) throw new Error("It is not in the text.");
  return [from, to];
}
