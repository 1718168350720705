/**
 * `bun run soak [--turns N] [--seed N] [--in-flight N] [--json FILE]`: the built binary under mixed traffic, with the
 * real CLI and the simulated API, as fast as the machine takes it. Exits with 1 when a turn ended as none should, when
 * something is left over, or when memory, descriptors, processes or files grow over the last half. Linux only.
 */

import { parseArgs } from "node:util";
import { describeMachine } from "../bench/machine.ts";
import { buildIfStale } from "../bench/ours.ts";
import { growthOf, renderGrowth, renderResult } from "../test/soak/report.ts";
import { soak } from "../test/soak/run.ts";

/** No honest run is as slow. Ms. */
const longestTurn = 1_500;
const longestStart = 60_000;
const samplesOfRun = 100;
/** Below, the last half has too few samples to speak of growth. */
const fewestTurns = 100;

interface Options {
  turns: number;
  seed: number;
  inFlight: number;
  json: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "2000" },
      seed: { type: "string", default: "1" },
      "in-flight": { type: "string", default: "8" },
      json: { type: "string" },
    },
  });
  const whole = (name: "turns" | "seed" | "in-flight", least: number) => {
    const number = Number(values[name]);
    if (!Number.isSafeInteger(number) || number < least)
      throw new Error(`--${name} takes a whole number from ${least}.`);
    return number;
  };
  return {
    turns: whole("turns", fewestTurns),
    seed: whole("seed", 0),
    inFlight: whole("in-flight", 1),
    json: values.json,
  };
}

async function run({ turns, seed, inFlight, json }: Options): Promise<boolean> {
  await buildIfStale();
  const machine = await describeMachine(new Date());
  const settings = { ...machine, turns, seed, inFlight };
  for (const [name, value] of Object.entries(settings)) console.log(`${name}: ${value}`);

  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort(signal));
  const deadline = setTimeout(() => ending.abort("it took too long"), longestStart + turns * longestTurn);
  const result = await soak({
    target: "binary",
    turns,
    seed,
    inFlight,
    every: Math.ceil(turns / samplesOfRun),
    signal: ending.signal,
    onSample: ({ turns, rss, ...rest }) =>
      console.error(JSON.stringify({ turns, rssMB: Math.round(rss / 1e6), ...rest })),
  });
  clearTimeout(deadline);

  // Of a run that was given up there is nothing to say.
  const growth = result.turns < turns ? [] : growthOf(result.samples);
  const growing = growth.filter(({ isZero }) => !isZero).map(({ name }) => `${name}: it grows, or shrinks, steadily.`);
  const problems = [...result.problems, ...growing];
  console.log(`\n${renderResult(result)}`);
  if (growth.length > 0) console.log(renderGrowth(growth));
  for (const problem of problems) console.log(`PROBLEM: ${problem}`);
  console.log(
    problems.length === 0 ? "\nNothing was lost, nothing is left, nothing grows." : `\n${problems.length} problems`,
  );
  if (json !== undefined)
    await Bun.write(json, `${JSON.stringify({ ...settings, ...result, growth, problems }, null, 2)}\n`);
  return problems.length === 0;
}

try {
  process.exit((await run(readOptions())) ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
