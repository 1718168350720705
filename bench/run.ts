/**
 * `bun run bench`: the built binary beside a server that starts one CLI for each request, beside the CLI alone, and
 * beside programs that do nothing; with the real CLI and the simulated API. It is a report, not a test.
 *
 *     bun run bench [--quick] [--only first-token,startup] [--runs N] [--json FILE]
 */

import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";
import { bytes } from "./figures/bytes.ts";
import { firstToken } from "./figures/first-token.ts";
import { interactive } from "./figures/interactive.ts";
import { nextTurn } from "./figures/next-turn.ts";
import { paths } from "./figures/paths.ts";
import { relay } from "./figures/relay.ts";
import { rest } from "./figures/rest.ts";
import { size } from "./figures/size.ts";
import { startup } from "./figures/startup.ts";
import { store } from "./figures/store.ts";
import { throughput } from "./figures/throughput.ts";
import { toolStep } from "./figures/tool-step.ts";
import { describeMachine } from "./machine.ts";
import { buildIfStale } from "./ours.ts";
import { createPrograms } from "./programs.ts";
import { type Metric, renderMetrics } from "./table.ts";

const figures = new Map<string, Figure>([
  ["first-token", firstToken],
  ["next-turn", nextTurn],
  ["tool-step", toolStep],
  ["interactive", interactive],
  ["paths", paths],
  ["bytes", bytes],
  ["throughput", throughput],
  ["relay", relay],
  ["rest", rest],
  ["startup", startup],
  ["size", size],
  ["store", store],
]);

/** Ms that one figure may take before the run is given up. */
const figureDeadline = 360_000;

interface Options {
  names: string[];
  runs: number;
  quick: boolean;
  json: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      runs: { type: "string" },
      json: { type: "string" },
    },
  });
  const names = values.only?.split(",") ?? [...figures.keys()];
  const unknown = names.filter((name) => !figures.has(name));
  if (unknown.length > 0) {
    throw new Error(`There is no figure ${unknown.join(", ")}. There are ${[...figures.keys()].join(", ")}.`);
  }
  const runs = Number(values.runs ?? (values.quick ? 2 : 12));
  if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs takes a whole number from 1.");
  return { names, runs, quick: values.quick, json: values.json };
}

async function run({ names, runs, quick, json }: Options): Promise<void> {
  await buildIfStale();
  const machine = await describeMachine(new Date());
  console.log(
    `${Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n")}\n`,
  );

  await using programs = createPrograms();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, async () => {
      await programs[Symbol.asyncDispose]();
      process.exit(1);
    });
  }
  const metrics: Metric[] = [];
  for (const name of names) {
    console.error(`measuring ${name} ...`);
    const measured = await inTime(name, figures.get(name)!({ programs, runs, quick }));
    metrics.push(...measured);
    console.log(renderMetrics(measured));
  }
  if (json !== undefined) await Bun.write(json, `${JSON.stringify({ machine, metrics }, null, 2)}\n`);
}

async function inTime<Result>(name: string, work: Promise<Result>): Promise<Result> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${figureDeadline / 1000} s.`)), figureDeadline);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

try {
  await run(readOptions());
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
