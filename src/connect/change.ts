/** What `ocp connect` is about to write: each file as it is, as it would be, and why one is left alone. */

import { changed } from "../edit/format.ts";
import { formats } from "../edit/formats.ts";
import type { Client, Endpoint, Plan, PlannedFile, Wishes } from "./client.ts";
import { type FileNow, isReadOnly, makeDirectories, readNow, replace } from "./file.ts";
import { createPlace, type Place } from "./place.ts";
import { type Connection, hashOf, type Records, type WrittenFile } from "./record.ts";
import { takeBack, type Undone, undone } from "./undo.ts";

export interface Change {
  planned: PlannedFile;
  now: FileNow | null;
  /** Without us: as it is, but for what an earlier connection wrote. */
  base: Buffer | null;
  text: string;
  mode: number;
  /** What an earlier connection wrote there. */
  earlier: WrittenFile | null;
}

export type ClientChange = { client: Client; notes: string[] } & (
  | { kind: "write"; plan: Extract<Plan, { kind: "write" }>; changes: Change[] }
  | { kind: "hint"; lines: string[] }
  /** `why` is a sentence. Refused is what would do harm; failed, what cannot be written. */
  | { kind: "refused" | "failed"; why: string }
);

/** The machine as the clients would find it without the earlier connection. */
export function placeWithout(
  machine: Pick<Place, "home" | "env" | "platform">,
  connection: Connection | null,
): { place: Place; earlier: Map<string, Undone | Error> } {
  const earlier = new Map<string, Undone | Error>();
  for (const file of connection?.files ?? [])
    earlier.set(
      file.path,
      orError(() => undone(file)),
    );
  const place = createPlace(machine, (path) => {
    const found = earlier.get(path);
    return found === undefined || found instanceof Error ? undefined : (found.bytes?.toString("utf8") ?? null);
  });
  return { place, earlier };
}

/** Writes nothing. */
export function planClient(
  client: Client,
  { place, earlier }: ReturnType<typeof placeWithout>,
  endpoint: Endpoint,
  wishes: Wishes,
): ClientChange {
  const plan = client.plan(place, endpoint, wishes);
  if (plan.kind === "hint") return { client, notes: [], ...plan };
  if (plan.kind === "refused") return { client, notes: [], kind: "refused", why: plan.why };
  const changes: Change[] = [];
  for (const planned of plan.files) {
    const change = orError(() => changeOf(planned, earlier.get(planned.path)));
    // Half of what a client needs would be worse than nothing.
    if (change instanceof Error) {
      return { client, notes: [], kind: "failed", why: `${planned.path} ${change.message}, so it is left alone.` };
    }
    changes.push(change);
  }
  return { client, notes: plan.notes, kind: "write", plan, changes };
}

function changeOf(planned: PlannedFile, before: Undone | Error | undefined): Change {
  if (before instanceof Error) throw before;
  const now = before?.now ?? readNow(planned.path);
  if (isReadOnly(planned.path)) throw new Error("is read-only");
  const base = before ? before.bytes : withoutOurs(planned, now);
  const text = changed(formats[planned.format], base?.toString("utf8") ?? "", planned.edits);
  const own = before?.file.mode ?? now?.mode ?? 0o644;
  return { planned, now, base, text, mode: planned.holdsKey ? own & 0o600 : own, earlier: before?.file ?? null };
}

/** What `GET /connect` has written to files that are all ours, or as lines that say so, is no part of the user's. */
function withoutOurs({ format, edits }: PlannedFile, now: FileNow | null): Buffer | null {
  if (now === null || format === "whole") return null;
  if (format !== "lines") return now.bytes;
  const gone = edits.map(({ path }) => ({ path, value: undefined }));
  return Buffer.from(changed(formats[format], now.text, gone));
}

/** Whether the file is as it should be already, and what is ours in it is on record. */
export function isDone({ now, base, text, mode, earlier }: Change): boolean {
  if (now === null || now.mode !== mode || !now.bytes.equals(Buffer.from(text))) return false;
  return earlier !== null || base?.equals(now.bytes) === true;
}

/**
 * Writes a client's files, one after the other, and takes back what an earlier connection wrote for it elsewhere.
 * `connection` is changed and recorded before each. Throws an Error whose message is a sentence, or one of the system's,
 * when a file was changed since it was looked at, or cannot be written; those that were are taken back then.
 */
export function applyClient(change: WrittenChange, connection: Connection, records: Records): void {
  const { client, changes } = change;
  const paths = changes.map(({ planned }) => planned.path);
  const isStale = (file: WrittenFile) => file.client === client.id && !paths.includes(file.path);
  for (const file of connection.files.filter(isStale)) takeBack(undone(file), connection, records);
  try {
    writeAll(change, connection, records);
  } catch (error) {
    for (const file of connection.files.filter((each) => each.client === client.id).toReversed()) {
      // What cannot be taken back now is on record.
      orError(() => takeBack(undone(file), connection, records));
    }
    throw error;
  }
}

type WrittenChange = Extract<ClientChange, { kind: "write" }>;

function writeAll({ client, changes }: WrittenChange, connection: Connection, records: Records): void {
  for (const { planned, now, base, text, mode, earlier } of changes) {
    const { path, format, edits } = planned;
    const again = readNow(path);
    if (again === null ? now !== null : now === null || !again.bytes.equals(now.bytes)) {
      throw new Error(`${path} was changed meanwhile. Connect again.`);
    }
    const kept = base === null ? null : records.placeFor(client.id, path, base);
    const directories = [...makeDirectories(path), ...(earlier?.directories ?? [])];
    const written: WrittenFile = {
      client: client.id,
      url: connection.url,
      path,
      format,
      edits,
      before: kept,
      mode: earlier ? earlier.mode : (now?.mode ?? null),
      // Between here and the file's own replacement this process may end.
      hashes: [hashOf(text), ...(earlier && now ? [hashOf(now.bytes)] : [])],
      directories,
    };
    connection.files = [...connection.files.filter((each) => each.path !== path), written];
    // In this order, so that whatever ends this process, what is on disk is known to the record; and where the file has
    // an earlier entry of ours, its copy is there before the record names it.
    if (earlier !== null && kept !== null && base !== null) records.keep(kept, base);
    records.write(connection);
    if (kept !== null && base !== null) records.keep(kept, base);
    replace(path, text, mode);
    if (earlier?.before && earlier.before !== kept) records.drop(earlier.before);
  }
}

function orError<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (error) {
    return error as Error;
  }
}
