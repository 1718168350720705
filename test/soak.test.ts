/**
 * A short soak: under mixed traffic every turn ends as it should, and nothing is left of it. Whether anything grows
 * takes more turns to tell: `bun run soak`.
 */

import { expect, test } from "bun:test";
import { targets } from "./harness/ocp.ts";
import { soak } from "./soak/run.ts";
import { mostProcesses } from "./soak/served.ts";

const turns = 100;
const longestRunMs = 100_000;

// One target is enough for what is not about the target: the binary, as people run it, unless it is left out.
const [target = "source"] = targets().reverse();

test(
  `${turns} turns with tools, cancels, edits and kills end as they should and leave nothing (${target})`,
  async () => {
    const signal = AbortSignal.timeout(longestRunMs);
    const result = await soak({ target, turns, seed: 5, inFlight: 6, every: 25, signal });
    expect(result.problems).toEqual([]);
    expect(result.turns).toBeGreaterThanOrEqual(turns);
    expect(result.rows.reduce((sum, row) => sum + row.turns, 0)).toBe(result.turns);
    expect(result.mostProcesses).toBeLessThanOrEqual(mostProcesses);
    // Every way to a process was taken.
    const paths = ["parked", "live", "spare", "new"];
    expect(paths.filter((path) => !result.paths[path])).toEqual([]);
  },
  longestRunMs + 60_000,
);
