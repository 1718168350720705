/**
 * `bun run fuzz`: sends requests that nobody should send to the built binary, over loopback: 100,000 of them, then as
 * one key for ten minutes while another key asks too. It fails when a request hangs or is answered with 5xx, when the
 * server grows, or when an answer of the other key takes longer than 500 ms. `--count`, `--minutes` and `--seed` make
 * it another run; 0 leaves a part out. `--target source` asks the source.
 */

import { parseArgs } from "node:util";
import type { Figures } from "../test/harness/probe.ts";
import type { FuzzReport } from "../test/http/fuzz/fuzz.ts";
import { runFuzz, runProbedFuzz } from "../test/http/fuzz/run.ts";
import { summaryLine } from "./test-summary.ts";

/** Bytes. */
const growth = 60e6;
/** The longest, in ms, that another key may wait for its list of models. */
const longestWait = 500;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "binary" },
  },
});
const [count, minutes, seed] = [Number(values.count), Number(values.minutes), Number(values.seed)];
const isValid = count >= 0 && minutes >= 0 && count + minutes > 0 && Number.isInteger(seed);
if (!isValid || !["binary", "source"].includes(values.target)) {
  console.error("Usage: bun run fuzz [--count NUMBER] [--minutes NUMBER] [--seed NUMBER] [--target binary|source]");
  process.exit(2);
}
const target = values.target as "binary" | "source";
const onProgress = (done: number) => process.stderr.write(`\r${done} requests`);

const reports: FuzzReport[] = [];
if (count > 0) reports.push(print(await runFuzz({ target, count, seed, growth, onProgress })));
if (minutes > 0) {
  const duration = minutes * 60_000;
  const report = await runProbedFuzz({ target, count: Number.MAX_SAFE_INTEGER, duration, seed, growth, onProgress });
  const { models, chat } = report;
  print(report);
  console.log(`another key, models: ${waits(models)}; the server used ${share(models)} of a core`);
  console.log(`another key, answers of the model: ${waits(chat)}`);
  if (models.slowestMs > longestWait) {
    report.problems.push(`another key waited ${Math.round(models.slowestMs)} ms for its list of models`);
  }
  reports.push(report);
}
const problems = reports.flatMap((report) => report.problems);
for (const problem of problems.slice(0, 20)) console.error(problem);
const sent = reports.reduce((sum, report) => sum + report.sent, 0);
const failed = problems.length;
console.log(summaryLine({ passed: sent - Math.min(failed, sent), failed, skipped: 0 }, failed === 0));
process.exitCode = failed === 0 ? 0 : 1;

function print(report: FuzzReport): FuzzReport {
  const { sent, ends, before, after } = report;
  process.stderr.write("\n");
  for (const [end, times] of Object.entries(ends)) console.log(`${String(times).padStart(8)}  ${end}`);
  console.log(
    `memory ${megabytes(before.rss)} in the first tenth, ${megabytes(after.rss)} after the end, at its least`,
  );
  console.log(`open files ${before.files} in the first tenth, ${after.files} after the end, at their least`);
  console.log(`${sent} requests, seed ${seed}`);
  return report;
}

function waits({ answers, medianMs, slowestMs }: Figures): string {
  return `${answers} answers, median ${Math.round(medianMs)} ms, slowest ${Math.round(slowestMs)} ms`;
}

function share({ cpuMs, wallMs }: Figures): string {
  return `${Math.round((100 * cpuMs) / wallMs)} %`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
