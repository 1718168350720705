/**
 * `bun run fuzz`: sends 100,000 requests that nobody should send to the built binary, over loopback, and fails when one
 * hangs or is answered with 5xx, or when the server grows. `--count` and `--seed` make it another run, and
 * `--target source` asks the source.
 */

import { parseArgs } from "node:util";
import { runFuzz } from "../test/http/fuzz/run.ts";
import { summaryLine } from "./test-summary.ts";

/** Bytes by which the server may be larger after the last request than after a tenth of them. */
const growth = 100e6;
/** Files that it may have open beyond those that it had then. */
const openFiles = 8;

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
const report = await runFuzz({
  target: values.target as "binary" | "source",
  count,
  seed,
  onProgress: (done) => process.stderr.write(`\r${done} of ${count}`),
});
process.stderr.write("\n");
const { ends, rss, files } = report;
const problems = [
  ...report.problems,
  ...(rss.after - rss.before > growth ? [`it grew from ${megabytes(rss.before)} to ${megabytes(rss.after)}`] : []),
  ...(files.after - files.before > openFiles ? [`it has ${files.after} files open, before ${files.before}`] : []),
];
for (const [end, times] of Object.entries(ends)) console.log(`${String(times).padStart(8)}  ${end}`);
console.log(`memory ${megabytes(rss.before)} after a tenth, ${megabytes(rss.after)} at the end`);
console.log(`open files ${files.before} after a tenth, ${files.after} at the end`);
console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s, seed ${seed}`);
for (const problem of problems.slice(0, 20)) console.error(problem);
const failed = problems.length;
console.log(summaryLine({ passed: count - Math.min(failed, count), failed, skipped: 0 }, failed === 0));
process.exitCode = failed === 0 ? 0 : 1;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
