/** The report: for each metric a small table of who took part, and how ours compares. */

import { percentile, summarize } from "./measure.ts";

export interface Metric {
  title: string;
  unit: "ms" | "bytes" | "MB" | "requests/s" | "%" | "% of a core" | "cores" | "tokens" | "requests" | "processes";
  /** The number to reach, in words. */
  goal?: string;
  /** The first one is ours. */
  rows: Row[];
}

export interface Row {
  by: string;
  samples: number[];
}

/** The metrics as text. `ours is` is our median divided by that row's: for times and sizes less than 1 is better. */
export function renderMetrics(metrics: readonly Metric[]): string {
  return metrics.map(renderMetric).join("\n");
}

function renderMetric({ title, unit, goal, rows }: Metric): string {
  const ours = percentile(rows[0]?.samples ?? [], 50);
  const cells = rows.map(({ by, samples }, at) => {
    const { n, median, min, max } = summarize(samples);
    const range = n === 1 ? "" : `${figure(min)} - ${figure(max)}`;
    const ratio = at === 0 || median === 0 ? "" : `x ${figure(ours / median)}`;
    return [by, figure(median), range, String(n), ratio];
  });
  const head = ["", "median", "min - max", "n", "ours is"];
  const heading = `${title} (${unit})${goal === undefined ? "" : `; goal: ${goal}`}`;
  return `${heading}\n${align([head, ...cells])}`;
}

/** Three digits that count; more where the number is large. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** The first column to the left, the others, which hold numbers, to the right. */
function align(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return rows.map((row) => `  ${line(row).trimEnd()}\n`).join("");
}
