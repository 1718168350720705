/** A new conversation: when the first word comes, and the last. */

import { claudeBinary } from "../../test/harness/claude.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { askBare, startBare } from "../bare.ts";
import { startBaseline } from "../baseline.ts";
import { ask, type Timing } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";

export const firstToken: Figure = async ({ programs, runs }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using baseline = await startBaseline(programs, api.url);
  const bin = claudeBinary();
  // One home for all, as the servers have: the CLI makes itself at home in a new one first.
  await using temp = await createTemp();

  const bare = async (text: string) => {
    const since = performance.now();
    const claude = startBare({ bin, temp, apiUrl: api.url });
    try {
      return await askBare(claude, text, since);
    } finally {
      claude.kill();
      await claude.exited;
    }
  };
  const contenders = [
    (text: string) => ask(ours.url, [{ role: "user", content: text }]),
    (text: string) => ask(baseline.url, [{ role: "user", content: text }]),
    bare,
  ];
  // The first time each reads its files from the disk.
  for (const contender of contenders) await contender("Warm up.");
  const samples = await alternate<Timing>(
    runs,
    contenders.map((contender) => (round: number) => contender(`Question ${round}.`)),
    settle,
  );

  const names = ["ocp", "a spawn per request", "bare CLI, spawned and asked"];
  const rows = (pick: (timing: Timing) => number) => names.map((by, at) => ({ by, samples: samples[at]!.map(pick) }));
  return [
    {
      title: "New conversation: first token",
      unit: "ms",
      goal: "from a spare, 1/4 of a spawn per request",
      rows: rows((timing) => timing.firstToken),
    },
    { title: "New conversation: whole answer", unit: "ms", rows: rows((timing) => timing.total) },
  ];
};
