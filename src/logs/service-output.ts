/**
 * Keeps the file small into which a service manager without a journal puts what the server says (launchd, the start
 * script): everything is in the log as well, whose files are bounded.
 */

import { fstatSync, ftruncateSync, statSync } from "node:fs";

const mostBytes = 1024 * 1024;

/**
 * Returns `write`, which empties the file of this path once so many bytes are in it, if `fd` is that file. Any
 * other file is its owner's.
 */
export function boundServiceOutput(path: string, fd: number, write: (line: string) => void): (line: string) => void {
  const found = sizeOfSame(path, fd);
  if (found === null) return write;
  let size = found;
  return (line) => {
    if (size > mostBytes) {
      size = 0;
      try {
        ftruncateSync(fd, 0);
      } catch {
        // It is tried again after as many bytes.
      }
    }
    size += Buffer.byteLength(line);
    write(line);
  };
}

/** Null: they are not the same regular file. */
function sizeOfSame(path: string, fd: number): number | null {
  try {
    const [open, named] = [fstatSync(fd), statSync(path)];
    return open.isFile() && open.dev === named.dev && open.ino === named.ino ? open.size : null;
  } catch {
    return null;
  }
}
