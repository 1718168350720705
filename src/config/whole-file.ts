/**
 * Writes a file whole or not at all, whatever ends the process meanwhile: beside it, and then in its place. A file that
 * cannot be replaced without a loss is written in place, since it has several names (hard links) that are to stay one
 * file, or is mounted by itself, as containers do it. A journal beside it lets the next command finish such a write.
 */

import {
  chownSync,
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { isRunning } from "./running.ts";

/** The file's text; null when there is none. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Replaces what the file says; its directory is made when it is missing, and a link is followed. `mode` as in chmod. */
export function writeWhole(path: string, content: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const target = throughLink(path);
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  finishWrite(target);
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (found?.isFile() && found.nlink > 1) {
    writeInPlace(target, bytes, mode);
    return;
  }
  const scratch = scratchOf(target, "new");
  try {
    writeSynced(scratch, bytes, mode);
    // Root may do this for somebody else, whose file it stays.
    if (found?.isFile() && process.getuid?.() === 0) chownSync(scratch, found.uid, found.gid);
    renameSync(scratch, target);
  } catch (error) {
    rmSync(scratch, { force: true });
    // Something is mounted at this name.
    if ((error as NodeJS.ErrnoException).code !== "EBUSY" || !existsSync(target)) throw error;
    writeInPlace(target, bytes, mode);
  }
}

/**
 * Finishes a write in place of this file, or of the one that it is a link to, that was ended in the middle, unless
 * somebody has changed the file since; removes what else ended writes have left. For who then reads the file to change it.
 */
export function finishWrite(path: string): void {
  const target = throughLink(path);
  for (const journal of leftovers(target, "journal")) {
    const { before, after, mode } = journalIn(journal) ?? {};
    const now = existsSync(target) ? readFileSync(target) : null;
    if (now && before && after && mode !== undefined && isBetween(now, before, after)) overwrite(target, after, mode);
    rmSync(journal, { force: true });
  }
  removeScratch(target);
}

/** Removes what a `writeWhole` of this file left that was ended in the middle. */
export function removeScratch(path: string): void {
  for (const scratch of leftovers(path, "new")) rmSync(scratch, { force: true });
}

/** The file that a link leads to. One that belongs to somebody else is not ours to write, so the link is replaced then. */
function throughLink(path: string): string {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (!link?.isSymbolicLink() || !existsSync(path)) return path;
  return statSync(path).uid === link.uid ? realpathSync(path) : path;
}

interface Journal {
  before: Buffer;
  after: Buffer;
  mode: number;
}

function writeInPlace(target: string, after: Uint8Array, mode: number): void {
  const before = readFileSync(target);
  const modeBefore = statSync(target).mode & 0o7777;
  const [scratch, journal] = [scratchOf(target, "new"), scratchOf(target, "journal")];
  const texts = { before: before.toString("base64"), after: Buffer.from(after).toString("base64"), mode };
  try {
    writeSynced(scratch, Buffer.from(JSON.stringify(texts)), 0o600);
    renameSync(scratch, journal);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
  try {
    overwrite(target, after, mode);
  } catch (error) {
    // As after a full disk: as it was, as far as that can be.
    if (!readFileSync(target).equals(before)) overwrite(target, before, modeBefore);
    throw error;
  } finally {
    rmSync(journal, { force: true });
  }
}

function overwrite(target: string, bytes: Uint8Array, mode: number): void {
  const file = openSync(target, "r+");
  try {
    const was = fstatSync(file).mode & 0o7777;
    // Nobody reads the new text who may not.
    if (was !== mode) fchmodSync(file, was & mode);
    writeAll(file, bytes);
    ftruncateSync(file, bytes.length);
    fsyncSync(file);
    if (was !== mode) fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

function journalIn(path: string): Journal | null {
  try {
    const { before, after, mode } = JSON.parse(readFileSync(path, "utf8"));
    return { before: Buffer.from(before, "base64"), after: Buffer.from(after, "base64"), mode };
  } catch {
    return null;
  }
}

/** Returns whether each byte is one of before or of after, and not all are one of them: nobody else has written it. */
function isBetween(now: Buffer, before: Buffer, after: Buffer): boolean {
  if (now.equals(before)) return false;
  const [least, most] = [before.length, after.length].sort((a, b) => a - b) as [number, number];
  if (now.length < least || now.length > most) return false;
  return now.every((byte, at) => byte === after[at] || byte === before[at]);
}

type Kind = "new" | "journal";

function scratchOf(target: string, kind: Kind): string {
  return `${target}.${process.pid}.${kind}`;
}

/** Of processes that have ended. */
function leftovers(path: string, kind: Kind): string[] {
  const [directory, name] = [dirname(path), basename(path)];
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const each = entry.name;
    const [, pid, ending] =
      (each.startsWith(`${name}.`) && /^\.(\d+)\.(new|journal)$/.exec(each.slice(name.length))) || [];
    return ending === kind && entry.isFile() && !isRunning(Number(pid)) ? [join(directory, each)] : [];
  });
}

function writeSynced(path: string, bytes: Uint8Array, mode: number): void {
  rmSync(path, { force: true });
  // Not through a link that somebody has put there.
  const file = openSync(path, "wx", mode);
  try {
    writeAll(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** From the file's beginning; the system may take a part of it at a time. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
}
