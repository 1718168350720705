/** A turn's way from its route to the engine, layer by layer: the one spot that sees every turn begin and end. */

import { createBrake } from "../core/brake.ts";
import type { Layer, Runner } from "../core/ports.ts";
import { createQuotas, type Quotas } from "../core/quota.ts";
import { createSeldom } from "../core/seldom.ts";
import type { UsageRow } from "../core/store.ts";
import type { Live } from "./live.ts";
import type { AppServices } from "./services.ts";
import { admitted } from "./turns/admitted.ts";
import { braked } from "./turns/braked.ts";
import { checked, reserved } from "./turns/budgeted.ts";
import { compose } from "./turns/compose.ts";
import { createFigures, type Figures } from "./turns/figures.ts";
import { metered } from "./turns/metered.ts";
import { recorded } from "./turns/recorded.ts";

export interface Turns {
  /**
   * Nothing happens before the iterator is first advanced. An aborted signal ends the wait or the turn and frees the
   * place at once. Throws OcpError, and on an aborted signal its reason.
   */
  run: Runner;
  readonly figures: Figures;
  readonly quotas: Quotas;
}

/** What stands between a turn and the engine where it is wanted. */
export interface TurnLayers {
  /** Sees every turn from its beginning to its end, and the row of each that has one. */
  live?: Live;
  /** Answers that were kept, and one answer for several who ask the same. */
  cache?: Layer;
  /** Refusals while the account's plan is used up. */
  planGate?: Layer;
}

export function createTurns(services: AppServices, { cache, planGate, live }: TurnLayers = {}): Turns {
  const { config, engine, admission, catalog, store, journal, log, clock } = services;
  const now = () => performance.now();
  const quotas = createQuotas({ keys: store.keys, journal, warn: createSeldom(log, now), clock });
  const figures = createFigures(catalog);
  const seen = {
    begin: figures.begin,
    end(row: UsageRow, hasRow: boolean) {
      figures.end(row, hasRow);
      if (hasRow) live?.ended(row);
    },
  };
  const run = compose(
    [
      ...(live ? [live.layer] : []),
      recorded({ journal, figures: seen, log, clock, now }),
      checked(quotas),
      ...(cache ? [cache] : []),
      ...(planGate ? [planGate] : []),
      braked(createBrake(() => config.repeatLimit, now)),
      reserved(quotas, catalog),
      admitted(admission, engine, now),
      metered(),
    ],
    engine.run,
  );
  return { run, figures, quotas };
}
