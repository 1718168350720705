/** How much of the plan was used when, for a curve. */

import type { Database } from "bun:sqlite";
import type { PlanSample, PlanSamples } from "../core/store.ts";

export function createPlanSamples(db: Database): PlanSamples {
  const add = db.prepare<null, [number, number | null, number | null]>(
    "insert or replace into plan_samples values (?, ?, ?)",
  );
  const since = db.prepare<PlanSample, [number]>(
    "select at, session, week from plan_samples where at >= ? order by at",
  );
  const prune = db.prepare<null, [number]>("delete from plan_samples where at < ?");
  return {
    add: ({ at, session, week }) => void add.run(at, session, week),
    since: (at) => since.all(at),
    prune: (at) => void prune.run(at),
  };
}
