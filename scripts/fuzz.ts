/**
 * `bun run fuzz`: sends 100,000 requests that nobody should send to the built binary, over loopback, and fails when one
 * hangs or is answered with 5xx, or when the server grows. `--count` and `--seed` make it another run, and
 * `--target source` asks the source.
 */

import { parseArgs } from "node:util";
import { runFuzz } from "../test/http/fuzz/run.ts";
import { summaryLine } from "./test-summary.ts";

/** Bytes. */
const growth = 60e6;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "binary" },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
if (!(count > 0) || !Number.isInteger(seed) || !["binary", "source"].includes(values.target)) {
  console.error("Usage: bun run fuzz [--count NUMBER] [--seed NUMBER] [--target binary|source]");
  process.exit(2);
}

const startedAt = performance.now();
const { ends, problems, before, after } = await runFuzz({
  target: values.target as "binary" | "source",
  count,
  seed,
  growth,
  onProgress: (done) => process.stderr.write(`\r${done} of ${count}`),
});
process.stderr.write("\n");
for (const [end, times] of Object.entries(ends)) console.log(`${String(times).padStart(8)}  ${end}`);
console.log(`memory ${megabytes(before.rss)} in the first tenth, ${megabytes(after.rss)} after the end, at its least`);
console.log(`open files ${before.files} in the first tenth, ${after.files} after the end, at their least`);
console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s, seed ${seed}`);
for (const problem of problems.slice(0, 20)) console.error(problem);
const failed = problems.length;
console.log(summaryLine({ passed: count - Math.min(failed, count), failed, skipped: 0 }, failed === 0));
process.exitCode = failed === 0 ? 0 : 1;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
