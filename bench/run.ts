/**
 * `bun run bench`: the built binary beside a server that starts one CLI for each request, beside the CLI alone, and
 * beside programs that do nothing; with the real CLI and the simulated API. It is a report, not a test.
 *
 *     bun run bench [--quick] [--only first-token,startup] [--runs N] [--json FILE]
 */

import { parseArgs } from "node:util";
import { deadlineOf, expectedSeconds, type PlannedFigure } from "./figure.ts";
import { agent } from "./figures/agent.ts";
import { bytes } from "./figures/bytes.ts";
import { firstToken } from "./figures/first-token.ts";
import { interactive } from "./figures/interactive.ts";
import { nextTurn } from "./figures/next-turn.ts";
import { paths } from "./figures/paths.ts";
import { rebuild } from "./figures/rebuild.ts";
import { relay } from "./figures/relay.ts";
import { rest } from "./figures/rest.ts";
import { size } from "./figures/size.ts";
import { startup } from "./figures/startup.ts";
import { store } from "./figures/store.ts";
import { throughput } from "./figures/throughput.ts";
import { toolStep } from "./figures/tool-step.ts";
import { describeMachine } from "./machine.ts";
import { endDescendants, measureAll } from "./measure-all.ts";
import { buildIfStale } from "./ours.ts";
import { renderMetrics } from "./table.ts";

const figures = new Map<string, PlannedFigure>([
  ["first-token", { measure: firstToken, seconds: { base: 10, quick: 10, each: 7 } }],
  ["next-turn", { measure: nextTurn, seconds: { base: 3, quick: 3, each: 7 } }],
  ["tool-step", { measure: toolStep, seconds: { base: 5, quick: 5, each: 3 } }],
  ["agent", { measure: agent, seconds: { base: 25, quick: 15 } }],
  ["rebuild", { measure: rebuild, seconds: { base: 80, quick: 15 } }],
  ["interactive", { measure: interactive, seconds: { base: 10, quick: 10, each: 4 } }],
  ["paths", { measure: paths, seconds: { base: 20, quick: 8 } }],
  ["bytes", { measure: bytes, seconds: { base: 5, quick: 5 } }],
  ["throughput", { measure: throughput, seconds: { base: 145, quick: 20 } }],
  ["relay", { measure: relay, seconds: { base: 50, quick: 12 } }],
  ["rest", { measure: rest, seconds: { base: 75, quick: 10 } }],
  ["startup", { measure: startup, seconds: { base: 20, quick: 10 } }],
  ["size", { measure: size, seconds: { base: 10, quick: 10 } }],
  ["store", { measure: store, seconds: { base: 20, quick: 10 } }],
]);

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
  const runs = Number(values.runs ?? (values.quick ? 2 : 7));
  if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs takes a whole number from 1.");
  return { names, runs, quick: values.quick, json: values.json };
}

async function run({ names, runs, quick, json }: Options): Promise<void> {
  const chosen = new Map(names.map((name) => [name, figures.get(name)!]));
  const seconds = [...chosen.values()].reduce((sum, figure) => sum + expectedSeconds(figure, runs, quick), 0);
  await buildIfStale();
  const machine = await describeMachine(new Date());
  console.log(
    `${Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n")}\n`,
  );
  console.error(`${names.length} figures take about ${Math.ceil(seconds / 60)} min on two quiet cores.`);
  const { metrics, failed } = await measureAll(chosen, {
    runs,
    quick,
    deadlineOf,
    onStart: (name, estimate) => console.error(`measuring ${name} (about ${Math.round(estimate)} s) ...`),
    onMetrics: (measured) => console.log(renderMetrics(measured)),
    onFailure: (name, error) => console.error(`${name} failed: ${error instanceof Error ? error.message : error}`),
  });
  if (json !== undefined) await Bun.write(json, `${JSON.stringify({ machine, metrics, failed }, null, 2)}\n`);
  if (failed.length > 0) throw new Error(`These figures failed: ${failed.join(", ")}.`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    endDescendants();
    process.exit(1);
  });
}
try {
  await run(readOptions());
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
