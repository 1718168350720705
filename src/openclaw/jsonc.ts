/** Changes one value in JSON with comments, and no other character: what the user wrote stays as it is. */

import { applyEdits, createScanner, findNodeAtLocation, type JSONPath, modify, parseTree } from "jsonc-parser";

/** Sets the value at `path`, or removes it when it is undefined. `text` must be valid. */
export function setJson(text: string, path: JSONPath, value: unknown): string {
  if (value === undefined) return withoutJson(text, path);
  // Told how to format, the library would also format what stands around.
  const edits = modify(text, path, value, {});
  const depth = 1 + existing(text, path);
  return applyEdits(
    text,
    edits.map((edit) =>
      edit.content === "" ? edit : { ...edit, content: spread(text, edit.offset + edit.length, edit.content, depth) },
    ),
  );
}

/** Without the property and one comma; the library would take comments with it. */
function withoutJson(text: string, path: JSONPath): string {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const property = root && findNodeAtLocation(root, path)?.parent;
  if (property?.type !== "property") return text;
  const { offset } = property;
  const end = offset + property.length;
  const siblings = property.parent?.children ?? [];
  const before = siblings[siblings.indexOf(property) - 1];
  const comma = commaAfter(text, end) ?? (before ? commaAfter(text, before.offset + before.length) : null);
  const cut = [{ from: offset, to: end }, ...(comma === null ? [] : [{ from: comma, to: comma + 1 }])];
  const left = cut
    .sort((a, b) => b.from - a.from)
    .reduce((rest, { from, to }) => rest.slice(0, from) + rest.slice(to), text);
  // Where the property was, perhaps nothing but the end of a line is left.
  const at = offset - (comma !== null && comma < offset ? 1 : 0);
  const [head, tail] = [left.slice(0, at), left.slice(at)];
  const [blank] = /^[ \t]*(?=\r?\n)/.exec(tail) ?? [];
  return blank === undefined ? left : head.replace(/\r?\n[ \t]*$/, "") + tail.slice(blank.length);
}

/** Where the next comma is, past white space and comments; null when something else comes first. */
function commaAfter(text: string, offset: number): number | null {
  const scanner = createScanner(text, true);
  scanner.setPosition(offset);
  scanner.scan();
  const at = scanner.getTokenOffset();
  return text[at] === "," ? at : null;
}

/** How many of the objects on the way are there. */
function existing(text: string, path: JSONPath): number {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (!root) return 0;
  let depth = 0;
  while (depth < path.length - 1 && findNodeAtLocation(root, path.slice(0, depth + 1))) depth++;
  return depth;
}

/** What is put in, over several lines and indented as the file is. `end`: where the text goes on after it. */
function spread(text: string, end: number, content: string, depth: number): string {
  const indent = /^\t/m.test(text) ? "\t" : (/^( +)\S/m.exec(text)?.[1] ?? "  ");
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const [, before = "", body = "", after = ""] = /^(,?)([\s\S]*?)(,?)$/.exec(content) ?? [];
  const inner = (lines: string[], by: number) => lines.join(eol + indent.repeat(by));
  try {
    const lines = JSON.stringify(JSON.parse(`{${body}}`), null, indent)
      .split("\n")
      .slice(1, -1);
    const closes = /^[ \t]*\}/.test(text.slice(end)) ? eol + indent.repeat(depth - 1) : "";
    return `${before}${eol}${indent.repeat(depth - 1)}${inner(lines, depth - 1)}${after}${closes}`;
  } catch {
    return inner(JSON.stringify(JSON.parse(body), null, indent).split("\n"), depth);
  }
}
