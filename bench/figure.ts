/** What every figure of the benchmark is given and gives. */

import type { Programs } from "./programs.ts";
import type { Metric } from "./table.ts";

export interface Bench {
  programs: Programs;
  /** Samples of each contender where they alternate. */
  runs: number;
  /** Shorter windows and fewer samples: shows that it works, measures little. */
  quick: boolean;
}

export type Figure = (bench: Bench) => Promise<Metric[]>;
