/** What the server takes when nobody asks, without the processes that it started. */

import { createTemp } from "../../test/harness/temp.ts";
import { startApi } from "../api.ts";
import { ask } from "../client.ts";
import { buildGreeter } from "../controls.ts";
import type { Figure } from "../figure.ts";
import { startOurs } from "../ours.ts";
import { cpuTime, type Memory, memoryOf, settle } from "../proc.ts";
import type { Metric } from "../table.ts";

export const rest: Figure = async ({ programs, quick }) => {
  const windowMs = quick ? 3_000 : 20_000;
  await using temp = await createTemp();
  await using api = await startApi(programs);
  await using ours = await startOurs(programs, { apiUrl: api.url });
  await using greeter = await programs.start({ argv: [await buildGreeter(temp)] });
  await settle();
  const fresh = memoryOf(ours.pid);
  for (let turn = 0; turn < 5; turn++) await ask(ours.url, [{ role: "user", content: `Question ${turn}.` }]);
  await (await fetch(greeter.url)).text();
  await settle();
  // Bun's collector looks each second until it has had nothing to do for 30 s.
  await Bun.sleep(quick ? 0 : 40_000);

  const pids = [ours.pid, greeter.pid];
  const before = pids.map(cpuTime);
  const start = performance.now();
  await Bun.sleep(windowMs);
  const elapsed = performance.now() - start;
  const [cpu = Number.NaN, control = Number.NaN] = pids.map((pid, at) => (cpuTime(pid) - before[at]!) / elapsed);

  const [used, hello] = [memoryOf(ours.pid), memoryOf(greeter.pid)];
  const memory = (title: string, pick: (memory: Memory) => number, goal?: string): Metric => ({
    title: `Memory at rest: ${title}`,
    unit: "MB",
    ...(goal === undefined ? {} : { goal }),
    rows: [
      { by: "ocp, after 5 answers", samples: [pick(used) / 1e6] },
      { by: "ocp, just started", samples: [pick(fresh) / 1e6] },
      { by: "compiled Bun.serve", samples: [pick(hello) / 1e6] },
    ],
  });
  return [
    memory("resident", ({ resident }) => resident, "60"),
    memory("proportional", ({ proportional }) => proportional),
    memory("anonymous", ({ anonymous }) => anonymous),
    {
      title: `CPU at rest, over ${windowMs / 1000} s`,
      unit: "% of a core",
      goal: "0.1",
      rows: [
        { by: "ocp", samples: [cpu * 100] },
        { by: "compiled Bun.serve", samples: [control * 100] },
      ],
    },
  ];
};
