/** Reads the log from its end: as much of its files as it takes to find the wanted entries, a piece at a time. */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { LogEntry } from "../core/logs.ts";
import { parseEntry } from "./entry.ts";
import { currentFile, olderFiles } from "./files.ts";

/** Bytes that are read at once. */
const piece = 65_536;
/** Bytes that are looked through at most, so that a rare entry in huge files costs no minutes. */
const furthest = 64 * 1024 * 1024;
/** Bytes of one line; what is longer is none of ours. */
const longestLine = 1024 * 1024;

export interface LogSnapshot {
  /** The last wanted entries up to this moment, oldest first. */
  entries: LogEntry[];
  /** Where the current file's last whole line ended at that moment; null: there is none. The reader closes it. */
  at: { file: FileHandle; position: number } | null;
}

/** Throws what the system says when a file cannot be read; that there is none yet is no error. */
export async function readTail(
  directory: string,
  count: number,
  wanted: (entry: LogEntry) => boolean,
): Promise<LogSnapshot> {
  const current = await openLog(currentFile(directory));
  const found: LogEntry[] = [];
  let budget = furthest;
  const look = async (file: FileHandle, size: number) => {
    for await (const line of linesFromEnd(file, size, Math.max(0, size - budget))) {
      if (found.length >= count) return;
      const entry = parseEntry(line);
      if (entry && wanted(entry)) found.push(entry);
    }
    budget -= size;
  };

  const stat = await current?.stat();
  const position = current && stat ? await endOfLines(current, stat.size) : 0;
  if (current) await look(current, position);
  for (const path of olderFiles(directory).reverse()) {
    if (found.length >= count || budget <= 0) break;
    const file = await openLog(path);
    if (!file) continue;
    try {
      const { size, ino } = await file.stat();
      // The current file, if it became an older one just now.
      if (ino !== stat?.ino) await look(file, size);
    } finally {
      await file.close();
    }
  }
  return { entries: found.reverse(), at: current ? { file: current, position } : null };
}

/** A pipe of this name without a writer would hold the reader. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Null when there is no such file, or it is something else than a file. */
export async function openLog(path: string): Promise<FileHandle | null> {
  let file: FileHandle;
  try {
    file = await open(path, openFlags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

/** Another process may be writing the last line at this moment. */
async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const start = Math.max(0, size - longestLine);
  const buffer = Buffer.alloc(Math.min(size, piece));
  for (let end = size; end > start; end -= buffer.length) {
    const from = Math.max(0, end - buffer.length);
    const { bytesRead } = await file.read(buffer, 0, end - from, from);
    const last = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (last >= 0) return from + last + 1;
  }
  return start;
}

/** The lines between `stop` and `size`, the last one first; one that begins before `stop` is left out. */
async function* linesFromEnd(file: FileHandle, size: number, stop: number): AsyncGenerator<string, void, void> {
  let end = size;
  /** The end of a line whose beginning was not read yet. */
  let rest = Buffer.alloc(0);
  while (end > stop) {
    const start = Math.max(stop, end - piece);
    const buffer = Buffer.alloc(end - start);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    const read = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
    // At the file's beginning a line begins, elsewhere after the first break.
    const first = start === 0 ? 0 : read.indexOf(0x0a) + 1;
    if (first > 0 || start === 0) yield* read.subarray(first).toString("utf8").split("\n").reverse();
    rest = first > 0 ? read.subarray(0, first) : read;
    if (rest.length > longestLine) rest = Buffer.alloc(0);
    end = start;
  }
}
