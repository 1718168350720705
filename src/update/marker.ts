/** The record of an update under way, in `~/.ocp/update.json`: what an interrupted one has left is told by it. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../config/whole-file.ts";

export interface UpdateMarker {
  from: string;
  to: string;
  /** The directory of the snapshot that leads back. */
  snapshot: string;
  /** The file that is replaced. */
  binary: string;
}

const fileIn = (data: string) => join(data, "update.json");

/** Null when no update is under way, or when the record cannot be understood. */
export function readMarker(data: string): UpdateMarker | null {
  try {
    const found = JSON.parse(readText(fileIn(data)) ?? "null") as UpdateMarker | null;
    const isWhole = [found?.from, found?.to, found?.snapshot, found?.binary].every((each) => typeof each === "string");
    return isWhole ? found : null;
  } catch {
    return null;
  }
}

export function writeMarker(data: string, marker: UpdateMarker): void {
  writeWhole(fileIn(data), `${JSON.stringify(marker, null, 2)}\n`, 0o600);
}

export function removeMarker(data: string): void {
  rmSync(fileIn(data), { force: true });
}
