/** The store on disk, in one SQLite database. */

import type { Database } from "bun:sqlite";
import { dirname } from "node:path";
import type { Log } from "../core/ports.ts";
import type { Store } from "../core/store.ts";
import { removeUnfinished } from "./backups.ts";
import { createCache } from "./cache.ts";
import { clean } from "./clean.ts";
import { connect, openingPatience, serveFrom } from "./connection.ts";
import { contentsOf } from "./contents.ts";
import { prepareFiles } from "./files.ts";
import { createKeys } from "./keys.ts";
import { migrate } from "./migrate.ts";
import { createPlanSamples } from "./plan-samples.ts";
import { createSettings } from "./settings.ts";
import { told, toldAll } from "./trouble.ts";
import { createUsage } from "./usage.ts";
import { type TakeOverOptions, takeOver } from "./version-3/take-over.ts";

export interface StoreOptions {
  /** The directory, which is there, of `ocp.db`. Null: nothing is written to disk, and all is forgotten at the end. */
  directory: string | null;
  /** Epoch ms. */
  now: () => number;
  log: Log;
  /** How long, in ms, to wait at the opening for another process that is at the database. */
  patience?: number;
}

/**
 * Opens the database, made or migrated as need be. Its functions and those of the store throw OcpError not_ready when
 * the disk, another program or the file itself is in the way; a database that is not OCP's, or of a newer version, is
 * refused so and left as it is.
 */
export function openStore({ directory, now, log, patience = openingPatience }: StoreOptions): Store {
  return told(() => {
    const db =
      directory === null
        ? connect(":memory:", patience)
        : openDatabase({ path: prepareFiles(directory, process.getuid?.()), now, log, patience });
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

function openDatabase(options: TakeOverOptions): Database {
  const { path, patience } = options;
  const contents = contentsOf(path, patience);
  if (contents === "version3") takeOver(options);
  // Nobody copies a database that is taken over already.
  if (contents === "current") removeUnfinished(dirname(path));
  return connect(path, patience);
}

function storeOn(db: Database, now: () => number): Store {
  let open = true;
  return {
    keys: toldAll(createKeys(db, now)),
    usage: toldAll(createUsage(db, now)),
    cache: toldAll(createCache(db)),
    settings: toldAll(createSettings(db)),
    planSamples: toldAll(createPlanSamples(db)),
    close() {
      if (!open) return;
      open = false;
      db.close(true);
    },
  };
}
