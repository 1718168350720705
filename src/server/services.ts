/** What the HTTP server is given: everything that it does not do itself. */

import type { Config } from "../config/settings.ts";
import type { Admission } from "../core/admission.ts";
import type { Catalog } from "../core/catalog.ts";
import type { Engine, Log } from "../core/ports.ts";
import type { Store } from "../core/store.ts";

export interface AppServices {
  config: Config;
  engine: Engine;
  catalog: Catalog;
  admission: Admission;
  store: Store;
  adminKey: string;
  log: Log;
  version: string;
  /** A simulated API answers, not the model. */
  demo: boolean;
  /** Epoch ms. */
  clock: () => number;
  /** This machine's name. */
  hostname: () => string;
  /** The prefix and letters and digits after it: some clients drop everything else from ids. */
  newId: (prefix: string) => string;
}
