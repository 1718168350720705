/** What all turns since the start add up to, for `/health`, `/usage`, `/status` and `/metrics`. */

import type { Catalog } from "../../core/catalog.ts";
import type { UsageRow } from "../../core/store.ts";
import { type Counter, createCounter, createHistogram, type Histogram } from "../prometheus.ts";
import { createModelFigures, type ModelFigures } from "./model-figures.ts";

export interface TurnStats {
  /** Turns asked for. */
  total: number;
  /** Waiting or running. */
  active: number;
  /** Ended with an error; clients that left are none. */
  errors: number;
  timeouts: number;
}

export interface Figures {
  begin(): void;
  /** `hasRow`: it is one of those that the usage tells of one by one. */
  end(row: UsageRow, hasRow: boolean): void;
  stats(): TurnStats;
  readonly byModel: Pick<ModelFigures, "models" | "failures">;
  /** By dialect, model, path, cache and outcome. */
  readonly turns: Counter;
  /** Turns that a process answered, by its path and by why it did not hold the conversation (none: it did). */
  readonly starts: Counter;
  /** By model, path and kind. */
  readonly tokens: Counter;
  /** In seconds. Of turns that asked a process; the latter two also by its path, of all. */
  readonly queue: Histogram;
  readonly first: Histogram;
  readonly whole: Histogram;
}

/** A new conversation without a spare begins after 0.4 s, a live one after 0.05 s, and thinking takes minutes. */
const firstBounds = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const wholeBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800];
const queueBounds = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300];

export function createFigures(catalog: Catalog): Figures {
  const byModel = createModelFigures(catalog);
  const stats: TurnStats = { total: 0, active: 0, errors: 0, timeouts: 0 };
  const turns = createCounter();
  const starts = createCounter();
  const tokens = createCounter();
  const queue = createHistogram(queueBounds);
  const first = createHistogram(firstBounds);
  const whole = createHistogram(wholeBounds);
  return {
    turns,
    starts,
    tokens,
    queue,
    first,
    whole,
    begin() {
      stats.total++;
      stats.active++;
    },
    end(row, hasRow) {
      const { dialect, outcome, cache } = row;
      byModel.end(row, hasRow);
      stats.active--;
      if (outcome !== "ok" && outcome !== "client_left") stats.errors++;
      if (outcome === "timeout") stats.timeouts++;
      const model = catalog.nameOf(row.model);
      const path = row.path ?? "none";
      turns.add({ dialect, model, path, cache, outcome });
      const { input, cacheRead, cacheWrite, output } = row.tokens;
      if (row.path !== null) {
        starts.add({ path, reason: row.reason ?? "none" });
        for (const [kind, count] of Object.entries({ input, cache_read: cacheRead, cache_write: cacheWrite, output })) {
          tokens.add({ model, path, kind }, count);
        }
        queue.observe({}, row.queuedMs / 1000);
      }
      if (row.firstMs !== null) first.observe({ path }, row.firstMs / 1000);
      whole.observe({ path }, row.totalMs / 1000);
    },
    stats: () => ({ ...stats }),
    byModel,
  };
}
