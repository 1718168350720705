/** One file of the user's: read as text, and written whole to where its links lead. */

import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "../config/whole-file.ts";

export interface FileNow {
  bytes: Buffer;
  text: string;
  /** As in chmod. */
  mode: number;
}

/**
 * Null when there is none. Throws an Error whose message ends a sentence that begins with the file's name, for what is
 * no text, or nothing that could be written.
 */
export function readNow(path: string): FileNow | null {
  const target = targetOf(path);
  if (!existsSync(target)) return null;
  const { mode } = statSync(target);
  if (!statSync(target).isFile()) throw new Error("is no file");
  const bytes = readFileSync(target);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { bytes, text, mode: mode & 0o7777 };
  } catch {
    throw new Error("is not UTF-8");
  }
}

/** Whether its owner wants it changed; root could all the same. */
export function isReadOnly(path: string): boolean {
  const target = targetOf(path);
  return existsSync(target) && (statSync(target).mode & 0o200) === 0;
}

/**
 * The file itself, where `path` is a link to it. Throws as `readNow` for a link to nothing, and for root where another
 * user has made the link to what is not theirs.
 */
export function targetOf(path: string): string {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (!link?.isSymbolicLink()) return path;
  if (!existsSync(path)) throw new Error("is a link to nothing");
  if (process.getuid?.() === 0 && link.uid !== 0 && statSync(path).uid !== link.uid)
    throw new Error("is a link to a file of another user");
  return realpathSync(path);
}

/** Makes the directories that are missing, and returns those, the innermost first. */
export function makeDirectories(path: string): string[] {
  const made: string[] = [];
  for (let directory = dirname(path); !existsSync(directory); directory = dirname(directory)) made.push(directory);
  for (const directory of made.toReversed()) {
    mkdirSync(directory, { mode: 0o700 });
    adopt(directory);
  }
  return made;
}

/** Where root works in somebody's home, what is made there is theirs whose directory it is in. */
export function adopt(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid !== 0) chownSync(path, uid, gid);
}

/** Replaces the file, or makes it; it stays its owner's also where root writes it. */
export function replace(path: string, content: string | Uint8Array, mode: number): void {
  const target = targetOf(path);
  const owner = statSync(existsSync(target) ? target : dirname(target));
  writeWhole(target, content, mode);
  // The mask of the process may have narrowed it, and the user's own mode is to stay.
  chmodSync(target, mode);
  if (process.getuid?.() === 0 && owner.uid !== 0) chownSync(target, owner.uid, owner.gid);
}
