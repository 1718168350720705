/** Removes what a migration has left of keys in plain text: in free pages, in the WAL, between the records. */

import type { Database } from "bun:sqlite";
import type { Log } from "../core/ports.ts";
import { emptyWal } from "./connection.ts";
import { markOf, removeMark } from "./marks.ts";

/** Does nothing when nothing is left. Should it not be possible now, it is tried again at the next start. */
export function clean(db: Database, log: Log): void {
  if (markOf(db, "uncleaned") === null) return;
  try {
    // Writes every page anew, into the WAL, and from there over the old ones.
    db.run("vacuum");
    if (!emptyWal(db)) throw new Error("another process reads it");
    removeMark(db, "uncleaned");
  } catch (error) {
    log.warn("the database may still hold keys of the earlier version in plain text, in pages that are free", {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
