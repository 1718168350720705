/** Changing a configuration file without changing anything else in it. */

import { type Edit, isFields, type Path, type Step, valueAt, withEdit } from "./path.ts";

/** How a kind of file is read and changed. A text here has no byte order mark. */
export interface Format {
  /** The value that the text stands for; undefined for one that is empty. Throws when it is not understood. */
  read(text: string): unknown;
  /** The text with the edit made. Throws where it cannot do that. */
  change(text: string, edit: Edit): string;
  /**
   * The text with these put at the end of the container at `around`, which holds none of them, in one pass; null where
   * it cannot do that at once.
   */
  append?(text: string, around: Path, entries: readonly Entry[]): string | null;
  /** The text without these of the container at `around`, in one pass; null as above. At least one more is in it. */
  cut?(text: string, around: Path, steps: readonly Step[]): string | null;
}

/** A value that is put into a container. */
export interface Entry {
  step: Step;
  value: unknown;
}

/**
 * Makes the edits, and makes sure that they and nothing else came about. Throws an Error whose message ends a sentence
 * that begins with the file's name.
 */
export function changed(format: Format, before: string, edits: readonly Edit[]): string {
  const { mark, text } = unmarked(before);
  const was = readOrThrow(format, text);
  const expected = tryTo(() => edits.reduce<unknown>((now, edit) => withEdit(now, edit), was));
  // In TOML a table that only holds others goes with the last of them.
  const removes = edits.some(({ value }) => value === undefined);
  const isRight = (after: string) => {
    const is = format.read(after);
    return Bun.deepEquals(is ?? null, expected ?? null) || (removes && Bun.deepEquals(full(is), full(expected)));
  };
  for (const way of [madeTogether, madeInTurn]) {
    const after = orNull(() => way(format, text, edits));
    if (after !== null && orNull(() => isRight(after)) === true) return mark + after;
  }
  throw unchangeable();
}

function madeInTurn(format: Format, text: string, edits: readonly Edit[]): string {
  return edits.reduce((now, edit) => format.change(now, edit), text);
}

/** Makes the edits of one container at once where the format can: each edit alone takes the time to read the whole text. */
function madeTogether(format: Format, text: string, edits: readonly Edit[]): string {
  return neighbours(edits).reduce((now, group) => {
    const [first, last] = [group[0] as Edit, group.at(-1) as Edit];
    const around = first.path.slice(0, -1);
    const stepOf = ({ path }: Edit) => path.at(-1) as Step;
    if (group.length > 2 && first.value === undefined) {
      // The last one may take its container with it.
      const without = format.cut?.(now, around, group.slice(0, -1).map(stepOf)) ?? null;
      return without === null ? madeInTurn(format, now, group) : format.change(without, last);
    }
    if (group.length < 3 || format.append === undefined) return madeInTurn(format, now, group);
    // The first one makes the container.
    const begun = format.change(now, first);
    const value = format.read(begun);
    const rest = group.slice(1);
    const isNew = rest.every(({ path }) => valueAt(value, path) === undefined);
    const entries = rest.map((edit) => ({ step: stepOf(edit), value: edit.value }));
    return (isNew ? format.append(begun, around, entries) : null) ?? madeInTurn(format, begun, rest);
  }, text);
}

/** Groups of edits that follow each other, put or take away, and are in the same container, each step once. */
function neighbours(edits: readonly Edit[]): Edit[][] {
  const groups: Edit[][] = [];
  let [kind, steps] = ["", new Set<string>()];
  for (const edit of edits) {
    const kindNow = JSON.stringify([edit.path.slice(0, -1), edit.value === undefined]);
    const step = JSON.stringify(edit.path.at(-1));
    if (kindNow !== kind || edit.path.length === 0 || steps.has(step)) {
      groups.push([]);
      [kind, steps] = [kindNow, new Set()];
    }
    steps.add(step);
    groups.at(-1)?.push(edit);
  }
  return groups;
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
  // Once for each container.
  const around = new Map(back.map(({ path }) => [JSON.stringify(path.slice(0, -1)), path]));
  return [...around.values()].reduce((text, path) => withoutEmpty(format, text, was, path), left);
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

function orNull<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
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
