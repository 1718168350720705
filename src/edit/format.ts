/** Changing a configuration file without changing anything else in it. */

import { type Edit, isFields, type Path, valueAt, withEdit } from "./path.ts";

/** How a kind of file is read and changed. A text here has no byte order mark. */
export interface Format {
  /** The value that the text stands for; undefined for one that is empty. Throws when it is not understood. */
  read(text: string): unknown;
  /** The text with the edit made. Throws where it cannot do that. */
  change(text: string, edit: Edit): string;
}

/**
 * Makes the edits, and makes sure that they and nothing else came about. Throws an Error whose message ends a sentence
 * that begins with the file's name.
 */
export function changed(format: Format, before: string, edits: readonly Edit[]): string {
  const { mark, text } = unmarked(before);
  const was = readOrThrow(format, text);
  const after = edits.reduce((now, edit) => tryTo(() => format.change(now, edit)), text);
  const expected = tryTo(() => edits.reduce<unknown>((now, edit) => withEdit(now, edit), was));
  const is = tryTo(() => format.read(after));
  // In TOML a table that only holds others goes with the last of them.
  const removes = edits.some(({ value }) => value === undefined);
  const isRight = Bun.deepEquals(is ?? null, expected ?? null) || (removes && Bun.deepEquals(full(is), full(expected)));
  if (!isRight) throw unchangeable();
  return mark + after;
}

/**
 * Takes the edits back: each place gets what it had in `before`, unless somebody has changed it since. Entries of our
 * own go whatever became of them. `before`: null when there was no file.
 */
export function takenBack(format: Format, now: string, before: string | null, edits: readonly OwnedEdit[]): string {
  const is = readOrThrow(format, unmarked(now).text);
  const was = before === null ? undefined : readOrThrow(format, unmarked(before).text);
  // The last one first: it may lie within one before it.
  const back = edits.toReversed().flatMap(({ path, value, own, sign }): Edit[] => {
    const current = valueAt(is, path);
    const isSigned = sign !== undefined && Bun.deepEquals(valueAt(current, sign.path), sign.value);
    if (current === undefined || !(own || isSigned || Bun.deepEquals(current, value))) return [];
    return [{ path, value: valueAt(was, path) }];
  });
  const left = changed(format, now, back);
  return back.reduce((text, { path }) => withoutEmpty(format, text, was, path), left);
}

export interface OwnedEdit extends Edit {
  /** What is at the path is ours, whatever it says: it bears our name. */
  own: boolean;
  /** It is ours as long as this place in it says this, whatever the client makes of the rest. */
  sign?: Edit;
}

/** Removes the containers on the way that are empty now and were not there before. */
function withoutEmpty(format: Format, text: string, was: unknown, path: Path): string {
  for (let length = path.length - 1; length > 0; length--) {
    const around = path.slice(0, length);
    const value = valueAt(format.read(unmarked(text).text), around);
    const isEmpty = Array.isArray(value) ? value.length === 0 : isFields(value) && Object.keys(value).length === 0;
    if (!isEmpty || valueAt(was, around) !== undefined) break;
    text = changed(format, text, [{ path: around, value: undefined }]);
  }
  return text;
}

export function readOrThrow(format: Format, text: string): unknown {
  try {
    return format.read(text);
  } catch (error) {
    throw new Error(`cannot be understood (${(error as Error).message.split("\n")[0]?.replace(/[.:]$/, "")})`);
  }
}

function tryTo<T>(act: () => T): T {
  try {
    return act();
  } catch {
    throw unchangeable();
  }
}

function unchangeable(): Error {
  return new Error("is written in a way in which our entry cannot be changed alone");
}

/** Without what is empty; null when all of it is. */
function full(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value;
  if (!isFields(value)) return value ?? null;
  const entries = Object.entries(value).flatMap(([key, each]) => {
    const inner = full(each);
    return inner === null && each !== null ? [] : [[key, inner] as const];
  });
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** Windows' editors begin a file with a mark of its encoding, which is no part of what it says. */
export function unmarked(text: string): { mark: string; text: string } {
  return text.startsWith("\uFEFF") ? { mark: "\uFEFF", text: text.slice(1) } : { mark: "", text };
}
