/** Independent requests of one turn a second, with one, four and eight of them at a time. */

import { claudeBinary } from "../../test/harness/claude.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { askBare, type BareOptions, startBare } from "../bare.ts";
import { startBaseline } from "../baseline.ts";
import { ask } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";
import type { Metric } from "../table.ts";

/** The longest where the goal is: what a server had ready at its start is soon spent. */
const loads = [
  { inFlight: 1, windowMs: 6_000, rounds: 1 },
  { inFlight: 4, windowMs: 30_000, rounds: 1, goal: "1.5 times a spawn per request" },
  { inFlight: 8, windowMs: 6_000, rounds: 1 },
];

export const throughput: Figure = async ({ programs, quick }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using baseline = await startBaseline(programs, api.url);
  await using temp = await createTemp();
  const askOurs = (text: string) => ask(ours.url, [{ role: "user", content: text }]);
  const askBaseline = (text: string) => ask(baseline.url, [{ role: "user", content: text }]);
  const askAlone = (text: string) => askOnce({ bin: claudeBinary(), temp, apiUrl: api.url }, text);

  const metrics: Metric[] = [];
  for (const { inFlight, windowMs, rounds, goal } of loads) {
    const window = quick ? 1_500 : windowMs;
    const [us = [], them = [], floor = []] = await alternate<number>(
      quick ? 1 : rounds,
      [askOurs, askBaseline, askAlone].map((asks) => () => rate(asks, inFlight, window)),
      settle,
    );
    metrics.push({
      title: `Throughput of single questions, ${inFlight} in flight for ${window / 1000} s (more is better)`,
      unit: "requests/s",
      ...(goal === undefined ? {} : { goal }),
      rows: [
        { by: "ocp", samples: us },
        { by: "a spawn per request", samples: them },
        { by: "bare CLI, one a question", samples: floor },
      ],
    });
  }
  return metrics;
};

/** Each of the lanes asks again as soon as it was answered; what was begun within the window counts, to its end. */
async function rate(asks: (text: string) => Promise<unknown>, inFlight: number, windowMs: number): Promise<number> {
  const start = performance.now();
  let answered = 0;
  const lane = async (name: number) => {
    for (let turn = 0; performance.now() - start < windowMs; turn++) {
      await asks(`Question ${turn} of lane ${name}.`);
      answered++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, name) => lane(name)));
  return (answered / (performance.now() - start)) * 1000;
}

/** By our own recipe and with no server between: what a question costs when nothing is reused. */
async function askOnce(options: BareOptions, text: string): Promise<void> {
  const claude = startBare(options);
  try {
    await askBare(claude, text);
  } finally {
    claude.kill();
    await claude.exited;
  }
}
