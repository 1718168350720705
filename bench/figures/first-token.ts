/** A new conversation: when the first word comes, and the last; from a booted process, and without one. */

import { claudeBinary } from "../../test/harness/claude.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { askBare, bootBare, initializeBare, startBare } from "../bare.ts";
import { startBaseline } from "../baseline.ts";
import { ask, type Timing } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";

export const firstToken: Figure = async ({ programs, runs }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using unprepared = await startOurs(programs, { apiUrl: api.url, spares: 0 });
  await using baseline = await startBaseline(programs, api.url);
  const bin = claudeBinary();
  // One home for all, as the servers have: the CLI makes itself at home in a new one first.
  await using temp = await createTemp();
  const options = { bin, temp, apiUrl: api.url };

  const spawned = async (text: string) => {
    const since = performance.now();
    const claude = startBare(options);
    try {
      return await askBare(claude, text, since);
    } finally {
      claude.kill();
      await claude.exited;
    }
  };
  const booted = async (text: string) => {
    const claude = bootBare(options);
    try {
      await settle();
      const since = performance.now();
      initializeBare(claude);
      return await askBare(claude, text, since);
    } finally {
      claude.kill();
      await claude.exited;
    }
  };
  const contenders = [
    async (text: string) => {
      await spareOf(ours.url);
      return ask(ours.url, [{ role: "user", content: text }]);
    },
    booted,
    (text: string) => ask(unprepared.url, [{ role: "user", content: text }]),
    spawned,
    (text: string) => ask(baseline.url, [{ role: "user", content: text }]),
  ];
  // The first time each reads its files from the disk; and ours learns what is asked for.
  await ask(ours.url, [{ role: "user", content: "Warm up." }]);
  for (const contender of contenders) await contender("Warm up again.");
  const samples = await alternate<Timing>(
    runs,
    contenders.map((contender) => (round: number) => contender(`Question ${round}.`)),
    settle,
  );

  const names = [
    "ocp, from a spare",
    "bare CLI, booted",
    "ocp, without a spare",
    "bare CLI, spawned",
    "a spawn per request",
  ];
  const rows = (pick: (timing: Timing) => number) => names.map((by, at) => ({ by, samples: samples[at]!.map(pick) }));
  return [
    {
      title: "New conversation: first token",
      unit: "ms",
      goal: "from a spare: 10 ms over the booted CLI, 1/4 of a spawn per request",
      rows: rows((timing) => timing.firstToken),
    },
    { title: "New conversation: whole answer", unit: "ms", rows: rows((timing) => timing.total) },
  ];
};

/** Resolves when the server has a spare that has had the time to boot. */
async function spareOf(url: string): Promise<void> {
  for (let waited = 0; waited < 50; waited++) {
    const { processes } = (await (await fetch(`${url}/health`)).json()) as { processes: { spare: number } };
    if (processes.spare > 0) return settle();
    await Bun.sleep(200);
  }
  throw new Error("The server has no spare.");
}
