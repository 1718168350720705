/** The steps from nothing to today's tables, in their order. One that was released is never changed, only followed. */

import initial from "./0001_initial.sql" with { type: "text" };
import reports from "./0002_reports.sql" with { type: "text" };
import countedTurns from "./0003_counted_turns.sql" with { type: "text" };
import startReasons from "./0004_start_reasons.sql" with { type: "text" };

export interface Migration {
  name: string;
  sql: string;
}

export const migrations: readonly Migration[] = [
  { name: "0001_initial", sql: initial },
  { name: "0002_reports", sql: reports },
  { name: "0003_counted_turns", sql: countedTurns },
  { name: "0004_start_reasons", sql: startReasons },
];
