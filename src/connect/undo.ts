/** Taking back what an earlier connection wrote, and nothing that came after it. */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { removeScratch } from "../config/whole-file.ts";
import { takenBack, unmarked } from "../edit/format.ts";
import { formats } from "../edit/formats.ts";
import { isFields } from "../edit/path.ts";
import { type FileNow, readNow, replace, targetOf } from "./file.ts";
import { type Connection, hashOf, type Records, removeIfEmpty, type WrittenFile } from "./record.ts";

export interface Undone {
  file: WrittenFile;
  now: FileNow | null;
  /** What the file is to say; null: it is to be gone. */
  bytes: Buffer | null;
  /** `restored`: byte for byte as it was; `taken-out`: it was changed since, so only our entry goes; `gone`: there is nothing to do. */
  how: "restored" | "taken-out" | "gone";
}

/** Works out what is left of a file without us. Writes nothing. Throws as `readNow`. */
export function undone(file: WrittenFile): Undone {
  const now = readNow(file.path);
  if (now === null) return { file, now, bytes: null, how: "gone" };
  const isOurs = file.hashes.includes(hashOf(now.bytes));
  const hasBefore = file.before !== null && existsSync(file.before);
  const before = file.before !== null && hasBefore ? readFileSync(file.before) : null;
  // It is kept before the file is written, so without it the file was not, unless somebody has removed it.
  if (before?.equals(now.bytes) || (file.before !== null && !hasBefore && !isOurs)) {
    return { file, now, bytes: now.bytes, how: "gone" };
  }
  if (isOurs && (hasBefore || file.before === null)) return { file, now, bytes: before, how: "restored" };
  const format = formats[file.format];
  const text = takenBack(format, now.text, before === null ? null : before.toString("utf8"), file.edits);
  const isNothing = file.before === null && isEmpty(format.read(unmarked(text).text));
  return { file, now, bytes: isNothing ? null : Buffer.from(text), how: "taken-out" };
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || (isFields(value) && Object.keys(value).length === 0);
}

/** Writes it, and then forgets the file. `connection` is changed. */
export function takeBack({ file, now, bytes, how }: Undone, connection: Connection, records: Records): void {
  removeScratch(file.path);
  if (now !== null) removeScratch(targetOf(file.path));
  if (bytes === null) {
    if (now !== null) rmSync(targetOf(file.path), { force: true });
    for (const directory of file.directories) removeIfEmpty(directory);
  } else if (now !== null && !bytes.equals(now.bytes)) {
    replace(file.path, bytes, file.mode ?? now.mode);
  }
  connection.files = connection.files.filter((each) => each !== file);
  records.write(connection);
  // What the user has changed since, they may still want to compare.
  if (file.before !== null && how !== "taken-out") records.drop(file.before);
}
