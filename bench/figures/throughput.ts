/** Independent requests of one turn a second, with one, four and eight of them at a time, over a minute. */

import { startApi } from "../api.ts";
import { startBaseline } from "../baseline.ts";
import { ask } from "../client.ts";
import type { Figure } from "../figure.ts";
import { alternate } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { settle } from "../proc.ts";
import type { Metric } from "../table.ts";

/** Long enough that what a server had ready at the start is spent soon. */
const windowMs = 20_000;
const rounds = 3;

export const throughput: Figure = async ({ programs, quick }) => {
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using baseline = await startBaseline(programs, api.url);
  const window = quick ? 1_500 : windowMs;

  const metrics: Metric[] = [];
  for (const inFlight of [1, 4, 8]) {
    const [us = [], them = []] = await alternate<number>(
      quick ? 1 : rounds,
      [() => rate(ours.url, inFlight, window), () => rate(baseline.url, inFlight, window)],
      settle,
    );
    metrics.push({
      title: `Throughput, ${inFlight} in flight (more is better)`,
      unit: "requests/s",
      rows: [
        { by: "ocp", samples: us },
        { by: "a spawn per request", samples: them },
      ],
    });
  }
  return metrics;
};

/** Each of the lanes asks again as soon as it was answered; what was begun within the window counts, to its end. */
async function rate(url: string, inFlight: number, windowMs: number): Promise<number> {
  const start = performance.now();
  let answered = 0;
  const lane = async (name: number) => {
    for (let turn = 0; performance.now() - start < windowMs; turn++) {
      await ask(url, [{ role: "user", content: `Question ${turn} of lane ${name}.` }]);
      answered++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, name) => lane(name)));
  return (answered / (performance.now() - start)) * 1000;
}
