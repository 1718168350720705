/** Reads the log as it grows, over the change from one file to the next. */

import type { FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "../core/logs.ts";
import { parseEntry } from "./entry.ts";
import { currentFile, olderFiles } from "./files.ts";
import { openLog, readTail } from "./tail.ts";

/** The time, in ms, between two looks: nothing announces a change everywhere. */
const lookEvery = 200;
const piece = 65_536;

/** The last `count` wanted entries and then each as it is written, until the signal aborts. */
export async function* follow(
  directory: string,
  count: number,
  wanted: (entry: LogEntry) => boolean,
  signal: AbortSignal,
): AsyncGenerator<LogEntry, void, void> {
  const { entries, at } = await readTail(directory, count, wanted);
  let file = at?.file ?? null;
  let position = at?.position ?? 0;
  /** A line whose end was not written yet. */
  let rest = Buffer.alloc(0);
  try {
    yield* entries;
    while (!signal.aborted) {
      // Before the file is read to its end: what comes after that goes to the next one.
      const next = await nextFile(directory, file);
      for (;;) {
        const read = file ? await readPiece(file, position) : Buffer.alloc(0);
        if (read.length === 0) break;
        position += read.length;
        const lines = Buffer.concat([rest, read]);
        const whole = lines.lastIndexOf(0x0a) + 1;
        rest = lines.subarray(whole);
        for (const line of lines.subarray(0, whole).toString("utf8").split("\n")) {
          const entry = parseEntry(line);
          if (entry && wanted(entry)) yield entry;
        }
      }
      if (next) {
        await file?.close();
        file = next;
        position = 0;
        rest = Buffer.alloc(0);
      } else if (file && (await file.stat()).size < position) {
        position = 0;
      } else {
        await sleep(lookEvery, undefined, { signal }).catch(() => {});
      }
    }
  } finally {
    await file?.close();
  }
}

async function readPiece(file: FileHandle, position: number): Promise<Buffer> {
  const buffer = Buffer.alloc(piece);
  const { bytesRead } = await file.read(buffer, 0, piece, position);
  return buffer.subarray(0, bytesRead);
}

/** The file that was begun after this one, or the first; null: this one is the newest. */
async function nextFile(directory: string, file: FileHandle | null): Promise<FileHandle | null> {
  const newest = await openLog(currentFile(directory));
  if (!newest) return null;
  const known = await file?.stat();
  const isKnown = async (other: FileHandle) => (await other.stat()).ino === known?.ino;
  if (await isKnown(newest)) {
    await newest.close();
    return null;
  }
  if (!known) return newest;
  // Several may have been filled since the last look.
  let after = newest;
  const passed: FileHandle[] = [];
  for (const path of olderFiles(directory).reverse()) {
    const older = await openLog(path);
    if (!older) continue;
    if (await isKnown(older)) {
      passed.push(older);
      await closeAll([newest, ...passed].filter((each) => each !== after));
      return after;
    }
    passed.push(older);
    after = older;
  }
  // It was removed, and what is older was read before it.
  await closeAll(passed);
  return newest;
}

async function closeAll(files: readonly FileHandle[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}
