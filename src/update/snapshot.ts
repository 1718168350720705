/** What leads back from an update: the binary before it, the database and the service's settings as they were. */

import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../config/whole-file.ts";
import { copyDatabase, schemaOf } from "../store/copy.ts";

export { copyDatabase };

export interface Snapshot {
  directory: string;
  from: string;
  to: string;
  /** ISO 8601. */
  createdAt: string;
  /** The database's schema number; null: there was no database. */
  schema: number | null;
}

const prefix = "upgrade-snapshot-";
/** A binary is 110 MB, and a Pi's card is small. */
const kept = 5;

export interface SnapshotOptions {
  /** `~/.ocp`. */
  data: string;
  serviceEnv: string;
  binary: string;
  from: string;
  to: string;
  /** Epoch ms. */
  now: number;
}

/** Whole or not there. Throws what the disk throws, and OcpError not_ready for the database. */
export function takeSnapshot({ data, serviceEnv, binary, from, to, now }: SnapshotOptions): Snapshot {
  const createdAt = new Date(now).toISOString();
  const directory = join(data, `${prefix}${createdAt.replace(/[:.]/g, "-")}`);
  const part = `${directory}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true, mode: 0o700 });
  try {
    keepBinary(binary, join(part, "ocp"));
    const database = join(data, "ocp.db");
    const schema = existsSync(database) ? schemaOf(database) : null;
    if (schema !== null) copyDatabase(database, join(part, "ocp.db"));
    const environment = readText(serviceEnv);
    if (environment !== null) writeWhole(join(part, "service.env"), environment, 0o600);
    writeWhole(join(part, "snapshot.json"), `${JSON.stringify({ from, to, createdAt, schema }, null, 2)}\n`, 0o600);
    renameSync(part, directory);
    return { directory, from, to, createdAt, schema };
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw error;
  }
}

/** The same file where that is possible, which costs no space: an update replaces the name, not the file. */
function keepBinary(binary: string, copy: string): void {
  try {
    linkSync(binary, copy);
  } catch {
    copyFileSync(binary, copy);
  }
}

/** The whole ones, newest first by the time that is in them. */
export function snapshotsIn(data: string): Snapshot[] {
  return directoriesIn(data)
    .filter((name) => !name.endsWith(".part"))
    .flatMap((name) => {
      const directory = join(data, name);
      try {
        const found = JSON.parse(readText(join(directory, "snapshot.json")) ?? "") as Omit<Snapshot, "directory">;
        const isWhole = typeof found.from === "string" && !Number.isNaN(Date.parse(found.createdAt));
        return isWhole && existsSync(join(directory, "ocp")) ? [{ ...found, directory }] : [];
      } catch {
        return [];
      }
    })
    .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}

/** Removes what is older than the newest five, and what was never finished. */
export function pruneSnapshots(data: string): void {
  for (const { directory } of snapshotsIn(data).slice(kept)) rmSync(directory, { recursive: true, force: true });
  for (const name of directoriesIn(data)) {
    if (name.endsWith(".part")) rmSync(join(data, name), { recursive: true, force: true });
  }
}

/** The names of the directories that may be snapshots; a link to one is none. */
function directoriesIn(data: string): string[] {
  if (!existsSync(data)) return [];
  return readdirSync(data, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix))
    .map(({ name }) => name);
}
