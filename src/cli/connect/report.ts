/** What became of each client, for people; `--json` prints the same. */

import { columns } from "../output.ts";

export interface Result {
  id: string;
  name: string;
  outcome: "configured" | "unchanged" | "planned" | "hint" | "refused" | "failed";
  files: string[];
  /** What to know or to do, a sentence each. */
  notes: string[];
  /** What to type, where only the client can write its settings. */
  lines?: string[];
  why?: string;
  /** The real request that was made for it. */
  answers?: { api: string; ms: number };
}

export interface Outcome {
  url: string;
  version: string;
  written: boolean;
  clients: Result[];
  /** Those that are not on this machine. */
  absent: string[];
  record: string;
}

const words: Record<Result["outcome"], string> = {
  configured: "configured",
  unchanged: "as it was",
  planned: "would be configured",
  hint: "by hand",
  refused: "left alone",
  failed: "FAILED",
};

export function page({ clients, absent, written }: Outcome, dry: boolean): string {
  const rows = clients.map(({ name, outcome, answers, why }) => [
    name,
    words[outcome],
    why ?? (answers ? `answers (${answers.api}, ${(answers.ms / 1000).toFixed(1)} s)` : ""),
  ]);
  const more = clients
    .map(({ name, notes, lines = [] }) => ({ name, all: [...lines, ...notes] }))
    .filter(({ all }) => all.length > 0)
    .flatMap(({ name, all }) => ["", `${name}:`, ...all.map((line) => `  ${line}`)]);
  const end = dry
    ? ["", "Nothing was written."]
    : written
      ? ["", "What points where: ocp connect --status. To take it all back: ocp disconnect"]
      : [];
  const others =
    absent.length === 0 ? [] : ["", `Not found here: ${absent.join(", ")}. --only NAME takes one all the same.`];
  return `\n${columns(rows)}${[...more, ...others, ...end].map((line) => `${line}\n`).join("")}`;
}
