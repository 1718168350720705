/** The result of a soak as text: how turns ended, and for each thing that could leak whether it grew. */

import type { Sample, SoakResult } from "./run.ts";
import { mostProcesses } from "./served.ts";
import { type Trend, trendOf } from "./trend.ts";

const kinds = [
  { kind: "rss", name: "memory of the server, MB", unit: 1e6 },
  { kind: "descriptors", name: "its descriptors but sockets", unit: 1 },
  { kind: "sockets", name: "its TCP sockets", unit: 1 },
  { kind: "processes", name: "processes of the CLI", unit: 1 },
  { kind: "files", name: "files in the scratch home", unit: 1 },
] as const;

const criterion =
  "A slope is the median of the slopes between any two samples (Theil, Sen), its noise four standard deviations of\n" +
  "that slope over resampled residuals (moving blocks). It is zero within noise when it is no larger than that, or when\n" +
  "it amounts to less than one (MB, descriptor, socket, process, file) over the whole half.";

/** By 1,000 turns, over the last half of the run. */
export interface Growth extends Trend {
  name: string;
  samples: number;
  /** What it amounts to over the half. */
  drift: number;
  isZero: boolean;
}

export function growthOf(samples: readonly Sample[]): Growth[] {
  const last = samples.at(-1)?.turns ?? 0;
  const half = samples.filter(({ turns }) => turns >= last / 2);
  const span = (last - (half[0]?.turns ?? 0)) / 1000;
  return kinds.map(({ kind, name, unit }) => {
    const trend = trendOf(half.map((sample) => ({ x: sample.turns / 1000, y: sample[kind] / unit })));
    const drift = trend.slope * span;
    const isZero = Math.abs(trend.slope) <= trend.noise || Math.abs(drift) < 1;
    return { name, samples: half.length, ...trend, drift, isZero };
  });
}

export function renderResult(result: SoakResult): string {
  const { turns, ms, kills, rows, paths } = result;
  const seconds = ms / 1000;
  const lines = rows.map(({ episode, turns, outcomes }) => [episode, String(turns), counts(outcomes)]);
  return [
    `${turns} turns in ${seconds.toFixed(0)} s (${(turns / seconds).toFixed(1)} a second), ${kills} processes killed`,
    `turns by the process that answered: ${counts(paths)}`,
    `most processes at any moment: ${result.mostProcesses} of ${mostProcesses} that there may be`,
    "",
    table(["played", "turns", "how they ended"], lines),
  ].join("\n");
}

export function renderGrowth(growth: readonly Growth[]): string {
  const lines = growth.map(({ name, level, slope, noise, drift, isZero }) => [
    name,
    digits(level),
    digits(slope),
    digits(noise),
    digits(drift),
    isZero ? "zero within noise" : "NOT ZERO",
  ]);
  const head = ["", "median", "per 1,000 turns", "noise", "over the half", ""];
  return [`The last half of the run, ${growth[0]?.samples} samples at rest:`, table(head, lines), criterion].join("\n");
}

/** Without the sign of a zero. */
const digits = (value: number) => value.toFixed(2).replace(/^-(0\.00)$/, "$1");

function counts(all: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(all)
    .sort(([, a = 0], [, b = 0]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

/** The first column and the last to the left, the others, which hold numbers, to the right. */
function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 || at === head.length - 1 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)));
  return [head, ...rows].map((row) => `  ${line(row).join("  ").trimEnd()}\n`).join("");
}
