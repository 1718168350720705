/** Whose database a file is, found out without changing a byte of it. */

import { constants, Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { applicationId, appliedIn, missing } from "./migrate.ts";
import { damaged, notReady } from "./trouble.ts";

/** `version3`: of OCP 3 and before, with keys in plain text. */
export type Contents = "nothing" | "current" | "version3";

/** Bytes of the smallest page. SQLite takes a shorter file for an empty database, and would overwrite it. */
const smallest = 512;

/**
 * `patience` is how long, in ms, to wait for a process that is migrating.
 * Throws OcpError not_ready for a database that is newer than this program or not OCP's, and what SQLite says of a
 * file that cannot be read.
 */
export function contentsOf(path: string, patience: number): Contents {
  const deadline = performance.now() + patience;
  for (;;) {
    const before = stateOf(path);
    try {
      return lookAt(path, patience);
    } catch (error) {
      // What another process was writing at that moment may have looked like anything.
      if (stateOf(path) === before || performance.now() > deadline) throw error;
    }
  }
}

/** Differs when a process has written to the database in between. */
function stateOf(path: string): string {
  const states = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false, bigint: true }));
  return states.map((state) => `${state?.size} ${state?.mtimeNs}`).join();
}

/**
 * A connection that only reads leaves the database and its WAL as they are, but would make a WAL where there is none;
 * without one the file can be taken as immutable.
 */
function lookAt(path: string, patience: number): Contents {
  const { size } = statSync(path);
  if (size > 0 && size < smallest) throw notReady(damaged);
  const walSize = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  const flags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI;
  const db = new Database(`${pathToFileURL(path).href}${walSize > 0 ? "" : "?immutable=1"}`, flags);
  try {
    db.run(`pragma busy_timeout = ${patience}`);
    // One state of the database for all that is read.
    return db.transaction(() => look(db))();
  } finally {
    db.close(true);
  }
}

/** Of the database as the connection sees it. */
export function look(db: Database): Contents {
  const tables = tablesOf(db);
  const [mark, version] = [numberOf(db, "application_id"), numberOf(db, "user_version")];
  if (mark === applicationId && tables.includes("migrations")) {
    missing(appliedIn(db));
    return "current";
  }
  if (mark === 0 && version === 0 && tables.length === 0) return "nothing";
  if (mark === 0 && isVersion3(db, tables)) return "version3";
  throw notReady("The file ocp.db is the database of another program, and is left as it is. Move it away.");
}

function isVersion3(db: Database, tables: readonly string[]): boolean {
  const holds = (table: string, ...names: string[]) => {
    const columns = columnsOf(db, table);
    return names.every((name) => columns.includes(name));
  };
  if (!holds("api_keys", "id", "key", "name")) return false;
  const beside = tables.filter((name) => name !== "api_keys" && name !== "response_cache");
  return beside.length === 0 || holds("usage_log", "id", "model", "created_at");
}

function numberOf(db: Database, pragma: "application_id" | "user_version"): number | undefined {
  return db.query<Record<string, number>, []>(`pragma ${pragma}`).get()?.[pragma];
}

/** The names of all tables but SQLite's own. */
function tablesOf(db: Database): string[] {
  const all = db.query<{ name: string }, []>(
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
  );
  return all.all().map(({ name }) => name);
}

/** Empty when there is no such table. */
export function columnsOf(db: Database, table: string): string[] {
  const columns = db.query<{ name: string }, [string]>("select name from pragma_table_info(?)");
  return columns.all(table).map(({ name }) => name);
}
