/** Follows the transcript that the CLI writes of a session, line by line. */

import { closeSync, type FSWatcher, fstatSync, openSync, readSync, watch } from "node:fs";
import { dirname } from "node:path";
import { splitLines } from "../lines.ts";

/** A line longer than this is skipped: the largest honest ones repeat one message, bounded by the API's 32 MB. */
const maxLineLength = 64 * 1024 * 1024;
/** How long, in ms, a change may go unnoticed where the system fails to tell of it, as it does of quick ones. */
const patience = 1_000;
/** The same while a line is about to come. */
const haste = 25;

/** What is read of a line; most lines are other things, and more fields come with each version. */
export interface TranscriptLine {
  type?: string;
  subtype?: string;
  /** ISO. */
  timestamp?: string;
  entrypoint?: string;
  isMeta?: boolean;
  isSidechain?: boolean;
  isApiErrorMessage?: boolean;
  apiErrorStatus?: number | null;
  error?: string;
  quotaLimits?: unknown;
  message?: {
    id?: string;
    model?: string;
    content?: unknown;
    stop_reason?: string | null;
    stop_sequence?: string | null;
    usage?: unknown;
  };
}

export interface TranscriptFile {
  /** Reads what is new; also done by itself when the file changes. */
  read(): void;
  /** From now on lines are about to come, or no more. */
  hurry(expects: boolean): void;
  close(): void;
}

/** `from`: the bytes that were there before the session. `onLines` gets all lines that one look has brought. */
export function followTranscript(
  path: string,
  from: number,
  onLines: (lines: TranscriptLine[]) => void,
): TranscriptFile {
  const chunk = Buffer.alloc(64 * 1024);
  let offset = from;
  let batch: TranscriptLine[] = [];
  let watcher: FSWatcher | null = null;
  const lines = splitLines(
    (line) => {
      try {
        const value: unknown = JSON.parse(line);
        if (typeof value === "object" && value !== null) batch.push(value);
      } catch {
        // No line of the CLI's.
      }
    },
    () => {},
    maxLineLength,
  );

  const readOn = () => {
    const file = openSync(path, "r");
    try {
      // Only whole looks count: a message has several lines, which the CLI writes together.
      while (offset < fstatSync(file).size) {
        const count = readSync(file, chunk, 0, chunk.length, offset);
        if (count === 0) break;
        offset += count;
        lines.push(chunk.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
  };
  const read = () => {
    try {
      readOn();
    } catch {
      // Not there yet, or a disk that fails: the wall clock ends a turn that never hears its answer.
    }
    const found = batch;
    batch = [];
    if (found.length > 0) onLines(found);
  };

  try {
    watcher = watch(dirname(path), read);
    watcher.on("error", () => {});
  } catch {
    // The look below does for it.
  }
  let timer: Timer;
  let hurries = false;
  const lookEvery = (ms: number) => {
    clearInterval(timer);
    timer = setInterval(read, ms);
    timer.unref();
  };
  lookEvery(patience);
  return {
    read,
    hurry(expects) {
      if (expects === hurries) return;
      hurries = expects;
      lookEvery(expects ? haste : patience);
    },
    close() {
      clearInterval(timer);
      watcher?.close();
    },
  };
}
