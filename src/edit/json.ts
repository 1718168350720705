/** JSON, JSON with comments and JSON5: all that the user wrote stays as it is, to the last blank. */

import {
  type ArrayNode,
  type DocumentNode,
  type ElementNode,
  evaluate,
  type MemberNode,
  type ObjectNode,
  parse,
  type ValueNode,
} from "@humanwhocodes/momoa";
import type { Entry, Format } from "./format.ts";
import { isItem, type Path, type Step, wrapped } from "./path.ts";
import { endOfLineOf, indentAt, indentOf, lineStart, type Splice, splice, startsLine } from "./text.ts";

type Mode = "jsonc" | "json5";
type Child = MemberNode | ElementNode;

/** With comments and commas before closing brackets, as VS Code and Zed read it. */
export const jsonc: Format = formatOf("jsonc");
export const json5: Format = formatOf("json5");

function formatOf(mode: Mode): Format {
  return {
    read: (text) => (isBlank(text) ? undefined : evaluate(parsed(text, mode))),
    change(text, { path, value }) {
      const whole = isBlank(text) ? "{}\n" : text;
      const document = parsed(whole, mode);
      const trail = follow(document, path);
      const last = trail.at(-1);
      if (last !== undefined && trail.length === path.length) {
        if (value === undefined) return splice(whole, removal(whole, document, last));
        return splice(whole, [{ ...spanOf(last.child.value), text: printed(whole, value, last.child) }]);
      }
      if (value === undefined) return text;
      const container = last?.child.value ?? document.body;
      const [step, ...rest] = path.slice(trail.length);
      if (step === undefined) throw new Error("There is nothing to put in.");
      return splice(whole, insertion(whole, document, container, [{ step, value: wrapped(rest, value) }]));
    },
    append(text, around, entries) {
      const document = parsed(text, mode);
      const trail = follow(document, around);
      if (trail.length < around.length) return null;
      return splice(text, insertion(text, document, trail.at(-1)?.child.value ?? document.body, entries));
    },
  };
}

/** Nothing but white space: an empty file, which stands for no settings. */
function isBlank(text: string): boolean {
  return /^\s*$/.test(text);
}

function parsed(text: string, mode: Mode): DocumentNode {
  return parse(text, { mode, ranges: true, tokens: true, allowTrailingCommas: true });
}

interface Found {
  container: ObjectNode | ArrayNode;
  child: Child;
}

/** The steps of the path that are there. */
function follow(document: DocumentNode, path: Path): Found[] {
  const trail: Found[] = [];
  let node: ValueNode = document.body;
  for (const step of path) {
    const child = childOf(node, step);
    if (child === undefined) break;
    trail.push({ container: node as ObjectNode | ArrayNode, child });
    node = child.value;
  }
  return trail;
}

function childOf(node: ValueNode, step: Step): Child | undefined {
  if (typeof step === "string") {
    // Of two with one name the last one counts.
    return node.type === "Object" ? node.members.findLast((member) => nameOf(member) === step) : undefined;
  }
  return node.type === "Array" ? node.elements.find(({ value }) => isItem(evaluate(value), step)) : undefined;
}

function nameOf({ name }: MemberNode): string {
  return name.type === "Identifier" ? name.name : name.value;
}

function childrenOf(container: ObjectNode | ArrayNode): Child[] {
  return container.type === "Object" ? container.members : container.elements;
}

/** Puts what is missing at the end of the container, as the others in it are laid out. */
function insertion(text: string, document: DocumentNode, node: ValueNode, entries: readonly Entry[]): Splice[] {
  const kindOf = (step: Step) => (typeof step === "string" ? "Object" : "Array");
  if (entries.some(({ step }) => node.type !== kindOf(step))) throw new Error("This is no place for it.");
  const container = node as ObjectNode | ArrayNode;
  const unit = indentOf(text, "  ");
  const eol = endOfLineOf(text);
  const last = childrenOf(container).at(-1);
  const outer = indentAt(text, spanOf(container).from);
  const inner = last && startsLine(text, spanOf(last).from) ? indentAt(text, spanOf(last).from) : outer + unit;
  const entry = entries
    .map(({ step, value }) => {
      const json = lines(value, unit).join(eol + inner);
      return typeof step === "string" ? `${JSON.stringify(step)}: ${json}` : json;
    })
    .join(`,${eol}${inner}`);
  const end = spanOf(container).to - 1;

  if (last === undefined) {
    // Comments may be in it all the same.
    const from = text.slice(0, end).trimEnd().length;
    return [{ from, to: end, text: `${eol}${inner}${entry}${eol}${outer}` }];
  }
  const comma = commaAfter(document, spanOf(last).to);
  const behind = restOfLine(document, text, comma === null ? spanOf(last).to : comma + 1);
  const closes = text.slice(behind, end).includes("\n") ? "" : eol + outer;
  const put = { from: behind, to: behind, text: `${eol}${inner}${entry}${comma === null ? "" : ","}${closes}` };
  if (comma !== null) return [put];
  const at = spanOf(last).to;
  return at === behind ? [{ ...put, text: `,${put.text}` }] : [put, { from: at, to: at, text: "," }];
}

/** Cuts the child, one comma, and its line if nothing else is on it. */
function removal(text: string, document: DocumentNode, { container, child }: Found): Splice[] {
  const { from, to } = spanOf(child);
  const before = childrenOf(container)[childrenOf(container).indexOf(child as never) - 1];
  const after = commaAfter(document, to);
  const earlier = after === null && before ? commaAfter(document, spanOf(before).to) : null;
  const end = after === null ? to : after + 1;
  const alone = startsLine(text, from) && /^[ \t]*(\r?\n|$)/.test(text.slice(end)) && lineStart(text, from) > 0;
  // With the end of the line before, so that a closing bracket on the same line stays where it is.
  const begin = alone ? text.slice(0, lineStart(text, from)).replace(/\r?\n$/, "").length : from;
  const cut = { from: begin, to: alone ? end + (/^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0) : end, text: "" };
  if (earlier === null) return [cut];
  return begin <= earlier ? [{ ...cut, from: earlier }] : [cut, { from: earlier, to: earlier + 1, text: "" }];
}

/** Where the next comma is, past white space and comments; null when something else comes first. */
function commaAfter(document: DocumentNode, offset: number): number | null {
  const next = document.tokens?.find(({ type, loc }) => loc.start.offset >= offset && !type.endsWith("Comment"));
  return next?.type === "Comma" ? next.loc.start.offset : null;
}

/** Past the comments that begin on the same line and say something of what is before them. */
function restOfLine(document: DocumentNode, text: string, offset: number): number {
  let end = offset;
  for (const { type, loc } of document.tokens ?? []) {
    if (loc.start.offset < end) continue;
    if (!type.endsWith("Comment") || !/^[ \t]*$/.test(text.slice(end, loc.start.offset))) break;
    end = loc.end.offset;
  }
  return end;
}

/** A value in the place of another one. */
function printed(text: string, value: unknown, child: Child): string {
  return lines(value, indentOf(text, "  ")).join(endOfLineOf(text) + indentAt(text, spanOf(child).from));
}

function lines(value: unknown, unit: string): string[] {
  return JSON.stringify(value, null, unit).split("\n");
}

function spanOf(node: Child | ValueNode): { from: number; to: number } {
  // The library gives the place of an item's value, and not of the item.
  const [from, to] = (node.type === "Element" ? node.value : node).range ?? [];
  if (from === undefined || to === undefined) throw new Error("It is not in the text.");
  return { from, to };
}
