/** How far work has come that goes on over several starts or calls. */

import type { Database } from "bun:sqlite";

/**
 * `uncleaned`: a migration has left pages that hold keys in plain text. `pruned_before`: single rows of usage are
 * only whole from this hour on (epoch ms).
 */
export type Mark = "uncleaned" | "pruned_before";

export function markOf(db: Database, name: Mark): number | null {
  return db.query<{ value: number }, [Mark]>("select value from marks where name = ?").get(name)?.value ?? null;
}

export function setMark(db: Database, name: Mark, value: number): void {
  db.query<null, [Mark, number]>("insert or replace into marks (name, value) values (?, ?)").run(name, value);
}

export function removeMark(db: Database, name: Mark): void {
  db.query<null, [Mark]>("delete from marks where name = ?").run(name);
}
