/** Settings that were changed while the server ran. What they mean is their reader's matter. */

import type { Database } from "bun:sqlite";
import type { SettingsStore } from "../core/store.ts";

export function createSettings(db: Database): SettingsStore {
  const all = db.prepare<{ name: string; value: string }, []>("select name, value from settings order by name");
  const set = db.prepare<null, [string, string]>("insert or replace into settings (name, value) values (?, ?)");
  const unset = db.prepare<null, [string]>("delete from settings where name = ?");
  return {
    all: () => new Map(all.all().map(({ name, value }) => [name, value])),
    set: (name, value) => void set.run(name, value),
    unset: (name) => void unset.run(name),
  };
}
