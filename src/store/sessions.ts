/**
 * Answers of conversations that may come back, in a database of their own: `sessions.db`. What is deleted there is in
 * none of its bytes afterwards.
 */

import type { Database } from "bun:sqlite";
import { lstatSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { OcpError } from "../core/errors.ts";
import type { SessionDisk, SessionFile } from "../core/kept-sessions.ts";
import type { Log } from "../core/ports.ts";
import { connect, openingPatience, serveFrom } from "./connection.ts";
import { companionsOf, prepareDatabase } from "./files.ts";
import { createSessionTables, damage, isSessionDatabase, type SessionTables, sessionLayout } from "./session-tables.ts";
import { told } from "./trouble.ts";

const sessionsName = "sessions.db";
const damagedName = `${sessionsName}.damaged`;

/** The files in a data directory that hold answers, with what SQLite keeps beside them. */
export function sessionFilesIn(directory: string): string[] {
  return [sessionsName, damagedName, ...companionsOf(sessionsName)]
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
}

export interface SessionDiskOptions {
  /** The directory, which is there, of `sessions.db`. */
  directory: string;
  log: Log;
  /** How long, in ms, to wait at the opening for another process that is at the database. */
  patience?: number;
}

export function createSessionDisk({ directory, log, patience = openingPatience }: SessionDiskOptions): SessionDisk {
  const path = join(directory, sessionsName);
  const aside = join(directory, damagedName);

  const removeFiles = (...paths: string[]) => {
    for (const each of paths) rmSync(each, { force: true });
  };
  const setAside = (error: unknown) => {
    renameSync(path, aside);
    removeFiles(...companionsOf(path));
    const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
    log.warn(`the file of kept answers was damaged: it is set aside as ${damagedName}, and a new one begun`, {
      reason,
    });
  };
  const openOnce = (): Opened => {
    prepareDatabase(directory, sessionsName, process.getuid?.());
    const db = openDatabase(path, patience);
    try {
      const tables = createSessionTables(db);
      // Damage anywhere shows now, when nothing relies on the file yet.
      const found = tables.read();
      // Of a process that was killed before it could.
      tables.clean();
      return { db, tables, found };
    } catch (error) {
      db.close(true);
      throw error;
    }
  };
  const open = (): Opened => {
    try {
      return openOnce();
    } catch (error) {
      if (!isDamage(error)) throw error;
      setAside(error);
      return openOnce();
    }
  };

  return {
    open: () =>
      told(() => {
        const { db, tables, found } = open();
        serveFrom(db);
        let isOpen = true;
        return {
          read: () => found.splice(0),
          write: (changes) => told(() => tables.write(changes), sessionsName),
          tidy: (at) =>
            told(() => {
              tables.clean();
              const old = statSync(aside, { throwIfNoEntry: false });
              if (old && old.mtimeMs < at) removeFiles(aside);
            }, sessionsName),
          close() {
            if (isOpen) db.close(true);
            isOpen = false;
          },
        };
      }, sessionsName),
    remove: () => told(() => removeFiles(...companionsOf(path), path, aside), sessionsName),
  };
}

interface Opened {
  db: Database;
  tables: SessionTables;
  found: ReturnType<SessionFile["read"]>;
}

/** Throws what SQLite says, and `damage` for a file that is none of ours. */
function openDatabase(path: string, patience: number): Database {
  const { size } = statSync(path);
  // SQLite takes a file that is shorter than the smallest page for an empty database.
  if (size > 0 && size < 512) throw damage("it is too short");
  const db = connect(path, patience, sessionLayout);
  try {
    // Turns never wait for a slow card: a power cut may cost the file, which is found out when it is opened.
    db.run("pragma synchronous = off");
    if (!isSessionDatabase(db)) throw damage("it is another program's, or of another version");
    return db;
  } catch (error) {
    db.close(true);
    throw error;
  }
}

/** The file is at fault, not the disk, its rights or another program. */
function isDamage(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const elsewhere = /^(SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|PERM|AUTH)|E[A-Z]+$)/;
  return !(error instanceof OcpError) && !(typeof code === "string" && elsewhere.test(code));
}
