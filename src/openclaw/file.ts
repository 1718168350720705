/** OpenClaw's configuration as a file: JSON5, the user's, and changed with a copy of it kept beside. */

import { chownSync, copyFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import { changed, readOrThrow, unmarked } from "../edit/format.ts";
import { json5 } from "../edit/json.ts";
import { type Edit, isFields } from "../edit/path.ts";

export function openclawFile(home: string): string {
  return join(home, ".openclaw", "openclaw.json");
}

/** What it says; undefined when it is empty, or not there. Throws OcpError not_ready for what is not understood. */
export function readSettings(file: string): unknown {
  return orThrow(file, () => {
    const found = readOrThrow(json5, unmarked(readText(file) ?? "").text);
    if (found !== undefined && !isFields(found)) throw new Error("is no object");
    return found;
  });
}

/** The text of the file with the edits made. Throws as `readSettings`. */
export function changedText(file: string, text: string, edits: readonly Edit[]): string {
  return orThrow(file, () => changed(json5, text, edits));
}

/**
 * Makes the edits in the file and returns where it is kept as it was; null: there was none. `now`: epoch ms. Throws as
 * `readSettings`.
 */
export function rewrite(file: string, edits: readonly Edit[], now: number): string | null {
  const before = readText(file);
  const text = changedText(file, before ?? "", edits);
  if (before !== null) return replaceText(file, text, now);
  writeWhole(file, text, 0o600);
  return null;
}

/** Replaces the text and returns where it is kept as it was. Links stay links. */
export function replaceText(path: string, text: string, now: number): string {
  const file = realpathSync(path);
  const backup = `${file}.bak.${now}`;
  const { mode, uid, gid } = statSync(file);
  copyFileSync(file, backup);
  writeWhole(file, text, mode & 0o777);
  // Root may do this for somebody else, whose files they stay.
  for (const each of [file, backup]) if (statSync(each).uid !== uid) chownSync(each, uid, gid);
  return backup;
}

function orThrow<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const why = (cause as Error).message;
    throw new OcpError(
      "not_ready",
      `${file} ${why}, so it is left alone. OpenClaw's own command is: openclaw config set`,
      {
        cause,
      },
    );
  }
}
