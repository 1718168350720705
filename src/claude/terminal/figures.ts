/** What /health.tui tells of the turns since the start. */

import type { TerminalStatus } from "../../core/ports.ts";
import type { TerminalAnswer } from "./answer.ts";

export interface Figures {
  /** A session of the pool was there for a turn, or was not. */
  pooled(hit: boolean): void;
  /** One was booted for the pool. */
  booted(): void;
  bootFailed(): void;
  dropped(): void;
  /** A turn has ended with an answer, which the CLI classified so. */
  answered(answer: TerminalAnswer, entrypoint: string | null): void;
  /** A turn has failed. */
  failed(answer: TerminalAnswer): void;
  status(): Pick<TerminalStatus, "lastEntrypoint" | "entrypointMismatches" | "stream"> & {
    pool: Pick<TerminalStatus["pool"], "hits" | "misses" | "boots" | "bootFailures" | "dropped">;
  };
}

/** `watches`: whether the classification of turns matters. */
export function createFigures(watches: boolean): Figures {
  const pool = { hits: 0, misses: 0, boots: 0, bootFailures: 0, dropped: 0 };
  const stream = { turns: 0, deltas: 0, topUps: 0, divergences: 0, zeroDeltaTurns: 0 };
  let lastEntrypoint: string | null = null;
  let entrypointMismatches = 0;

  return {
    pooled(hit) {
      if (hit) pool.hits++;
      else pool.misses++;
    },
    booted: () => pool.boots++,
    bootFailed: () => pool.bootFailures++,
    dropped: () => pool.dropped++,
    answered({ streamed }, entrypoint) {
      stream.deltas += streamed.deltas;
      if (streamed.deltas > 0) stream.turns++;
      else stream.zeroDeltaTurns++;
      if (streamed.toppedUp) stream.topUps++;
      if (entrypoint === null) return;
      lastEntrypoint = entrypoint;
      if (watches && entrypoint !== "cli") entrypointMismatches++;
    },
    failed({ streamed }) {
      if (streamed.diverged) stream.divergences++;
    },
    status: () => ({ lastEntrypoint, entrypointMismatches, stream: { ...stream }, pool: { ...pool } }),
  };
}
