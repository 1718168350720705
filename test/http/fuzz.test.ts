/** A short run of what `bun run fuzz` does at length. */

import { expect, test } from "bun:test";
import { targets } from "../harness/ocp.ts";
import { runFuzz } from "./fuzz/run.ts";

test.each(targets().slice(-1))(
  "the %s answers 2,000 requests that nobody should send with 4xx, and does not grow",
  async (target) => {
    // What a longer run adds is for the longer run to see: this one ends among its largest bodies.
    const { ends, problems } = await runFuzz({ target, count: 2_000, seed: 1, growth: 150e6 });
    expect(problems).toEqual([]);
    expect(ends["400"]).toBeGreaterThan(500);
  },
  120_000,
);
