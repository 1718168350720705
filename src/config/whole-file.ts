/** Writes a file whole or not at all, whatever ends the process meanwhile. */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
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

/** Replaces the file; its directory is made when it is missing. `mode` as in chmod. */
export function writeWhole(path: string, content: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const scratch = `${path}.${process.pid}.new`;
  try {
    const file = openSync(scratch, "w", mode);
    try {
      writeAll(file, typeof content === "string" ? Buffer.from(content) : content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(scratch, path);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
}

/** Removes what a `writeWhole` of this file left that was ended in the middle. */
export function removeScratch(path: string): void {
  const [directory, name] = [dirname(path), basename(path)];
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const pid = entry.name.startsWith(`${name}.`) && /^\.(\d+)\.new$/.exec(entry.name.slice(name.length))?.[1];
    if (pid && entry.isFile() && !isRunning(Number(pid))) rmSync(join(directory, entry.name), { force: true });
  }
}

/** The system may take a part of it at a time. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
