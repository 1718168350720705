/** What passing an answer on costs, with the CLI replaced by a program that only writes (emitter.ts). */

import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTemp, type Temp } from "../../test/harness/temp.ts";
import { askBare, startBare } from "../bare.ts";
import { ask } from "../client.ts";
import { agesOf, question } from "../emitter.ts";
import type { Figure } from "../figure.ts";
import { alternate, percentile } from "../measure.ts";
import { startOurs } from "../ours.ts";
import { cpuTime, settle } from "../proc.ts";

const every = 10;
const streams = 50;
const rounds = 3;

export const relay: Figure = async ({ programs, quick }) => {
  await using temp = await createTemp();
  const claudeBin = await installEmitter(temp);
  await using ours = await startOurs(programs, {
    claudeBin,
    // Room for all streams at once, of which one caller gets all but one: their memory is counted for the real CLI.
    args: ["--max-concurrent", String(streams + 1), "--memory-max", String(2 ** 40)],
  });
  const text = question({ pieces: quick ? 100 : 500, every });

  const served = async () => {
    const ages: number[] = [];
    await ask(ours.url, [{ role: "user", content: text }], (piece) => ages.push(...agesOf(piece)));
    return ages;
  };
  const straight = async () => {
    await using home = await createTemp();
    const emitter = startBare({ bin: claudeBin, temp: home });
    const ages: number[] = [];
    try {
      await askBare(emitter, text, undefined, (piece) => ages.push(...agesOf(piece)));
    } finally {
      emitter.kill();
      await emitter.exited;
    }
    return ages;
  };
  const alone = await alternate(quick ? 1 : rounds, [served, straight], settle);
  const many = await load(ours.url, ours.pid, quick);

  const names = ["ocp", "read straight from the program"];
  const rows = (percent: number) =>
    names.map((by, at) => ({ by, samples: alone[at]!.map((ages) => percentile(ages, percent)) }));
  return [
    { title: "Relay of one stream at 100 pieces/s: age of a piece, p50", unit: "ms", rows: rows(50) },
    {
      title: "Relay of one stream at 100 pieces/s: age of a piece, p99",
      unit: "ms",
      goal: "1 over straight",
      rows: rows(99),
    },
    {
      title: `Relay of ${streams} streams at 100 pieces/s: age of a piece, p50 (the machine is busy)`,
      unit: "ms",
      rows: [{ by: "ocp", samples: [percentile(many.ages, 50)] }],
    },
    {
      title: `Relay of ${streams} streams at 100 pieces/s: age of a piece, p99 (the machine is busy)`,
      unit: "ms",
      rows: [{ by: "ocp", samples: [percentile(many.ages, 99)] }],
    },
    {
      title: `Relay of ${streams} streams at 100 pieces/s: CPU of the server`,
      unit: "cores",
      goal: "0.5",
      rows: [{ by: "ocp", samples: [many.cores] }],
    },
  ];
};

/** Measures while all streams run, and leaves them then. */
async function load(url: string, pid: number, quick: boolean): Promise<{ ages: number[]; cores: number }> {
  const windowMs = quick ? 2_000 : 6_000;
  const text = question({ pieces: 6_000, every });
  const ages: number[] = [];
  let running = 0;
  let measuring = false;
  const allRun = Promise.withResolvers<void>();
  const leave = new AbortController();

  const stream = () => {
    let begun = false;
    return ask(
      url,
      [{ role: "user", content: text }],
      (piece) => {
        if (measuring) ages.push(...agesOf(piece));
        if (begun) return;
        begun = true;
        if (++running === streams) allRun.resolve();
      },
      leave.signal,
    );
  };
  const asked = Promise.all(Array.from({ length: streams }, stream));
  try {
    await Promise.race([allRun.promise, asked]);
    const [start, cpu] = [performance.now(), cpuTime(pid)];
    measuring = true;
    await Promise.race([Bun.sleep(windowMs), asked]);
    measuring = false;
    return { ages, cores: (cpuTime(pid) - cpu) / (performance.now() - start) };
  } finally {
    leave.abort();
    await asked.catch(() => {});
  }
}

/** An executable, which is what a server takes for the CLI. */
async function installEmitter(temp: Temp): Promise<string> {
  const path = join(temp.path, "claude");
  const script = join(import.meta.dir, "..", "emitter.ts");
  await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  await chmod(path, 0o755);
  return path;
}
