/**
 * Appends lines to the log's file. A line costs its writer a push: what came within a moment is written in one call,
 * which the system keeps whole also where several processes append. A file that cannot be written is tried again and
 * again, in silence, and disturbs nobody.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { currentFile, prune, rotate } from "./files.ts";

export interface FileLimits {
  /** The size in bytes at which a new file is begun; 0: nothing is written. */
  maxBytes: number;
  /** How many older files stay. */
  keep: number;
}

export interface LogFileOptions {
  directory: string;
  /** As they are now. */
  limits: () => FileLimits;
  /** Epoch ms. */
  now: () => number;
  /** Called when writing begins to fail, with the system's code, and when it works again, with how many lines are lost. */
  onTrouble: (code: string) => void;
  onRecovery: (lost: number) => void;
}

export interface LogFile {
  /** `line` has no line break. */
  append(line: string): void;
  /** Writes what is still in memory, at once. */
  flush(): void;
}

/** How long, in ms, a line may wait for others. */
const delay = 50;
/** How long, in ms, a file that could not be written is left alone. */
const retryAfter = 1_000;
/** How many characters wait at most while the file cannot be written; the oldest lines go first. */
const mostWaiting = 1_000_000;

/** Appends, and never waits: a pipe of this name without a reader would hold the server. */
const openFlags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

export function createLogFile({ directory, limits, now, onTrouble, onRecovery }: LogFileOptions): LogFile {
  const path = currentFile(directory);
  let waiting: string[] = [];
  let waitingSize = 0;
  let lost = 0;
  let timer: Timer | undefined;
  let open: { fd: number; dev: number; ino: number } | null = null;
  /** Whether the file's last line lacks its end, as after a full disk: the next one must not run into it. */
  let torn = false;
  let failing = false;
  let pruned = -1;
  let lastRotation = 0;

  const drop = () => {
    const fd = open?.fd;
    open = null;
    if (fd !== undefined) closeSync(fd);
  };

  const reopen = () => {
    drop();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const fd = openSync(path, openFlags, 0o600);
    const found = fstatSync(fd);
    open = { fd, dev: found.dev, ino: found.ino };
    if (found.isFile()) narrow(directory, fd);
    torn = lacksItsEnd(fd, found);
    return { fd, size: found.size };
  };

  /** The file of this name, which another process may have moved, or somebody removed. */
  const opened = (): { fd: number; size: number } => {
    const found = stat(path);
    if (open && found && found.ino === open.ino && found.dev === open.dev) return { fd: open.fd, size: found.size };
    return reopen();
  };

  const write = () => {
    const { maxBytes, keep } = limits();
    if (maxBytes === 0) {
      drop();
      waiting = [];
      waitingSize = 0;
      return;
    }
    while (waiting.length > 0) {
      let { fd, size } = opened();
      if (size >= maxBytes) {
        lastRotation = Math.max(now(), lastRotation + 1);
        rotate(directory, lastRotation);
        pruned = -1;
        ({ fd, size } = reopen());
      }
      const count = fitting(waiting, maxBytes - size);
      const text = `${torn ? "\n" : ""}${waiting.slice(0, count).join("\n")}\n`;
      const bytes = Buffer.from(text);
      const written = writeSync(fd, bytes);
      const isWhole = written === bytes.length;
      const done = isWhole ? count : endsOfLines(bytes.subarray(torn ? 1 : 0, written));
      for (const line of waiting.splice(0, done)) waitingSize -= line.length;
      if (written > 0) torn = bytes[written - 1] !== 0x0a;
      if (!isWhole) throw Object.assign(new Error("a part was written"), { code: "ENOSPC" });
    }
    if (pruned !== keep) {
      prune(directory, keep);
      pruned = keep;
    }
  };

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    try {
      write();
      if (!failing) return;
      failing = false;
      onRecovery(lost);
      lost = 0;
    } catch (error) {
      if (!failing) onTrouble((error as NodeJS.ErrnoException).code ?? "unknown");
      failing = true;
      later(retryAfter);
    }
  };
  const later = (ms: number) => {
    timer ??= setTimeout(flush, ms);
    timer.unref();
  };

  return {
    append(line) {
      waiting.push(line);
      waitingSize += line.length;
      if (waitingSize > mostWaiting && !failing) flush();
      while (waitingSize > mostWaiting) {
        waitingSize -= waiting.shift()?.length ?? 0;
        lost++;
      }
      later(failing ? retryAfter : delay);
    },
    flush,
  };
}

/** How many of the first lines stay within so many characters: at least one. */
function fitting(lines: readonly string[], room: number): number {
  let size = 0;
  let count = 0;
  for (const line of lines) {
    size += line.length + 1;
    if (count > 0 && size > room) break;
    count++;
  }
  return count;
}

function endsOfLines(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0);
}

/** Older versions left the directory open to others. That somebody else owns it is their decision. */
function narrow(directory: string, fd: number): void {
  try {
    fchmodSync(fd, 0o600);
    chmodSync(directory, 0o700);
  } catch {}
}

function lacksItsEnd(fd: number, { size }: Stats): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

function stat(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
