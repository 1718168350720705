/** A short run of what `bun run fuzz` does at length. */

import { expect, test } from "bun:test";
import { targets } from "../harness/ocp.ts";
import { runFuzz } from "./fuzz/run.ts";

test.each(targets().slice(-1))(
  "the %s answers 2,000 requests that nobody should send with 4xx, and does not grow",
  async (target) => {
    const { ends, problems, files, rss } = await runFuzz({ target, count: 2_000, seed: 1 });
    expect(problems).toEqual([]);
    expect(ends["400"]).toBeGreaterThan(500);
    expect(files.after).toBeLessThanOrEqual(files.before + 4);
    // The long run shows that it does not go on: the largest bodies are 34 MB.
    expect(rss.after - rss.before).toBeLessThan(400e6);
  },
  120_000,
);
