/** The store on disk, in one SQLite database. */

import type { Database } from "bun:sqlite";
import { dirname } from "node:path";
import type { Log } from "../core/ports.ts";
import type { Store } from "../core/store.ts";
import { removeUnfinished } from "./backups.ts";
import { createCache } from "./cache.ts";
import { clean } from "./clean.ts";
import { connect, serveFrom } from "./connection.ts";
import { contentsOf } from "./contents.ts";
import { prepareFiles } from "./files.ts";
import { createKeys } from "./keys.ts";
import { migrate } from "./migrate.ts";
import { createSettings } from "./settings.ts";
import { told, toldAll } from "./trouble.ts";
import { createUsage } from "./usage.ts";
import { takeOver } from "./version-3/take-over.ts";

export interface StoreOptions {
  /** Where `ocp.db` lies, or will; it must be there. Null: nothing is written to disk, and all is forgotten at the end. */
  directory: string | null;
  /** Epoch ms. */
  now: () => number;
  log: Log;
}

/**
 * Opens the database, made or migrated as need be. Its functions and those of the store throw OcpError not_ready when
 * the disk, another program or the file itself is in the way; a database that is not OCP's, or of a newer version, is
 * refused so and left as it is.
 */
export function openStore({ directory, now, log }: StoreOptions): Store {
  return told(() => {
    const db = directory === null ? connect(":memory:") : openDatabase(prepareFiles(directory), now, log);
    try {
      migrate(db, now);
      clean(db, log);
      serveFrom(db);
      return storeOn(db, now);
    } catch (error) {
      db.close(true);
      throw error;
    }
  });
}

function openDatabase(path: string, now: () => number, log: Log): Database {
  const contents = contentsOf(path);
  if (contents === "version3") takeOver({ path, now, log });
  // Nobody copies a database that is taken over already.
  if (contents === "current") removeUnfinished(dirname(path));
  return connect(path);
}

function storeOn(db: Database, now: () => number): Store {
  let open = true;
  return {
    keys: toldAll(createKeys(db, now)),
    usage: toldAll(createUsage(db, now)),
    cache: toldAll(createCache(db)),
    settings: toldAll(createSettings(db)),
    close() {
      if (!open) return;
      open = false;
      db.close(true);
    },
  };
}
