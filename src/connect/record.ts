/**
 * What `ocp connect` wrote, so that `ocp disconnect` can take it back: `~/.config/ocp/connect.json`, and beside it each
 * file as it was. It is written before the file that it is about, so that none is ever changed without a record.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { takeLock } from "../config/lock.ts";
import { finishWrite, readText, removeScratch, writeWhole } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import type { OwnedEdit } from "../edit/format.ts";
import { type FormatName, formats } from "../edit/formats.ts";
import { isFields } from "../edit/path.ts";
import { adopt, makeDirectories } from "./file.ts";

export interface WrittenFile {
  client: string;
  /** The server that it points to. */
  url: string;
  /** As the client names it; a link is followed. */
  path: string;
  format: FormatName;
  edits: OwnedEdit[];
  /** Where it is kept as it was; null: there was none. */
  before: string | null;
  /** As in chmod; null as above. */
  mode: number | null;
  /** SHA-256 in hex, of what was written, and of what was there if that held an earlier connection's entries. */
  hashes: string[];
  /** Directories that were made for it, the innermost first. */
  directories: string[];
}

export interface Connection {
  /** The last server, without `/v1`. */
  url: string;
  /** Null: it asked for none. */
  key: string | null;
  /** Epoch ms. */
  since: number;
  files: WrittenFile[];
  /** What takes back the commands that ran. */
  undo: string[][];
}

export interface Records {
  /** Null: nothing is connected. Throws OcpError not_ready for a record that is damaged. */
  read(): Connection | null;
  write(connection: Connection): void;
  /** Where `keep` is to put a file of these bytes. */
  placeFor(client: string, path: string, bytes: Buffer): string;
  keep(place: string, bytes: Buffer): void;
  drop(place: string): void;
  /** Keeps other commands from writing; returns how to let them. Throws OcpError conflict while another one does. */
  lock(): () => void;
  /** Removes the record, and its directory if nothing else is in it. */
  remove(): void;
  readonly file: string;
}

export function createRecords(configHome: string): Records {
  const directory = join(configHome, "ocp");
  const file = join(directory, "connect.json");
  const kept = join(directory, "before");
  const make = (path: string) => makeDirectories(join(path, "file"));
  /** Finishes the record and the files on it where a command that was ended left them half written. */
  const finishAll = () => {
    finishWrite(file);
    const text = readText(file);
    try {
      for (const { path } of text === null ? [] : parseRecord(text, file).files) finishWrite(path);
    } catch {
      // The reader of the damaged record, or the writer of the file, says what is wrong.
    }
  };
  return {
    file,
    read() {
      const text = readText(file);
      return text === null ? null : parseRecord(text, file);
    },
    write(connection) {
      make(directory);
      writeWhole(file, `${JSON.stringify({ version: 1, ...connection }, null, 2)}\n`, 0o600);
      adopt(file);
    },
    placeFor(client, path, bytes) {
      for (let number = 1; ; number++) {
        const place = join(kept, `${client}-${number === 1 ? "" : `${number}-`}${basename(path)}`);
        if (!existsSync(place) || readFileSync(place).equals(bytes)) return place;
      }
    },
    keep(place, bytes) {
      make(kept);
      if (existsSync(place)) return;
      writeWhole(place, bytes, 0o600);
      adopt(place);
    },
    drop(place) {
      rmSync(place, { force: true });
      removeScratch(place);
    },
    lock() {
      make(directory);
      const unlock = takeLock(join(directory, "connect.lock"), "ocp connect");
      finishAll();
      return () => {
        unlock();
        removeIfEmpty(directory);
      };
    },
    remove() {
      rmSync(file, { force: true });
      removeScratch(file);
      for (const each of [kept, directory]) removeIfEmpty(each);
    },
  };
}

export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Something else is in it, or it is gone.
  }
}

export function hashOf(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function parseRecord(text: string, file: string): Connection {
  const damaged = (cause?: unknown) =>
    new OcpError(
      "not_ready",
      `${file} is damaged, so what was written is not known. Each file as it was is in ${join(dirname(file), "before")}; remove ${file} to start anew.`,
      { cause },
    );
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw damaged(cause);
  }
  if (!isFields(found) || found.version !== 1) throw damaged();
  const { url, key = null, since, files, undo } = found;
  const isKnown =
    typeof url === "string" &&
    (key === null || typeof key === "string") &&
    typeof since === "number" &&
    Array.isArray(files) &&
    files.every(isWrittenFile) &&
    Array.isArray(undo) &&
    undo.every(isTexts);
  if (!isKnown) throw damaged();
  return { url, key, since, files, undo } as Connection;
}

function isWrittenFile(file: unknown): boolean {
  return (
    isFields(file) &&
    ["client", "path", "url"].every((name) => typeof file[name] === "string") &&
    isTexts(file.hashes) &&
    typeof file.format === "string" &&
    Object.hasOwn(formats, file.format) &&
    (file.before === null || typeof file.before === "string") &&
    (file.mode === null || typeof file.mode === "number") &&
    isTexts(file.directories) &&
    Array.isArray(file.edits) &&
    file.edits.every((each) => isFields(each) && Array.isArray(each.path))
  );
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
