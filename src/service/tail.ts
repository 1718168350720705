/** The end of a file of lines, for people. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const most = 4_096;

/** Its last lines, at most 4 KiB of them; empty when there is no such file. */
export function tail(path: string, lines = 15): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, most));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } finally {
    closeSync(file);
  }
}
