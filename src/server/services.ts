/** What the HTTP server is given: everything that it does not do itself. */

import type { LiveSettings } from "../config/live.ts";
import type { Config } from "../config/settings.ts";
import type { Admission } from "../core/admission.ts";
import type { Catalog } from "../core/catalog.ts";
import type { Journal } from "../core/journal.ts";
import type { LogReader } from "../core/logs.ts";
import type { Engine, Log } from "../core/ports.ts";
import type { Store } from "../core/store.ts";
import type { Interfaces } from "./container-names.ts";

export interface AppServices {
  /** The values as they are now: some change while the server runs, so they are read where they are needed. */
  config: Config;
  settings: LiveSettings;
  engine: Engine;
  catalog: Catalog;
  admission: Admission;
  store: Store;
  /** Over the store's usage. */
  journal: Journal;
  adminKey: string;
  log: Log;
  logs: LogReader;
  /** Aborts when the server stops: answers that have no end of their own end then. */
  closing: AbortSignal;
  version: string;
  /** Where ocp is to be had; null: nowhere that is known. */
  releaseUrl: string | null;
  /** Runs `ocp doctor` and resolves to its report. Rejects with OcpError. */
  doctor: () => Promise<unknown>;
  /** A simulated API answers, not the model. */
  demo: boolean;
  /** Epoch ms. */
  clock: () => number;
  /** This machine's name. */
  hostname: () => string;
  interfaces: () => Interfaces;
  /** The prefix and letters and digits after it: some clients drop everything else from ids. */
  newId: (prefix: string) => string;
}
