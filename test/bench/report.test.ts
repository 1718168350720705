/** The benchmark: how it counts and what it prints; not how fast anything is. */

import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { agesOf, clock } from "../../bench/emitter.ts";
import { deadlineOf, type PlannedFigure } from "../../bench/figure.ts";
import { alternate, percentile, summarize } from "../../bench/measure.ts";
import { measureAll } from "../../bench/measure-all.ts";
import { isStale } from "../../bench/ours.ts";
import { isResting } from "../../bench/proc.ts";
import { figure, renderMetrics } from "../../bench/table.ts";
import { testEnv } from "../harness/env.ts";
import { isAlive, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";

test("a binary is stale when a source is newer", () => {
  const { mtimeMs } = statSync(join(import.meta.dir, "..", "..", "src", "main.ts"));
  expect(isStale(mtimeMs - 1)).toBe(true);
  expect(isStale(Date.now() + 1_000)).toBe(false);
});

describe("samples", () => {
  test.each([
    { samples: [3], percent: 50, is: 3 },
    { samples: [9, 1, 5], percent: 50, is: 5 },
    { samples: [4, 1, 3, 2], percent: 50, is: 2.5 },
    { samples: [4, 1, 3, 2], percent: 0, is: 1 },
    { samples: [4, 1, 3, 2], percent: 100, is: 4 },
    { samples: Array.from({ length: 101 }, (_, at) => at), percent: 99, is: 99 },
  ])("the $percent th percentile of $samples.length is $is", ({ samples, percent, is }) => {
    expect(percentile(samples, percent)).toBe(is);
  });

  test("are summarized and left in their order", () => {
    const samples = [10, 2, 9];
    expect(summarize(samples)).toEqual({ n: 3, median: 9, min: 2, max: 10 });
    expect(samples).toEqual([10, 2, 9]);
  });

  test("that do not exist are an error", () => {
    expect(() => summarize([])).toThrow("no samples");
  });

  test("are taken from all contenders in turn, each round beginning with another", async () => {
    const order: string[] = [];
    const contender = (name: string) => async (round: number) => {
      order.push(`${name}${round}`);
      return `${name}${round}`;
    };
    let pauses = 0;
    const pause = async () => {
      pauses++;
    };
    const samples = await alternate(3, [contender("a"), contender("b")], pause);
    expect(order).toEqual(["a0", "b0", "b1", "a1", "a2", "b2"]);
    expect(samples).toEqual([
      ["a0", "a1", "a2"],
      ["b0", "b1", "b2"],
    ]);
    expect(pauses).toBe(6);
  });
});

describe("the table", () => {
  test.each([
    [63_490, "63,490"],
    [450.4, "450"],
    [22.04, "22.0"],
    [1.234, "1.23"],
    [0.0312, "0.031"],
    [0, "0.000"],
  ])("%d reads %s", (value, text) => {
    expect(figure(value)).toBe(text);
  });

  test("says of each contender its median, its range and how ours compares", () => {
    const rows = [
      { by: "ocp", samples: [20, 30, 40] },
      { by: "a spawn per request", samples: [450] },
    ];
    expect(renderMetrics([{ title: "First token", unit: "ms", goal: "22", rows }])).toBe(
      [
        "First token (ms); goal: 22",
        "                       median    min - max  n  ours is",
        "  ocp                    30.0  20.0 - 40.0  3",
        "  a spawn per request     450               1  x 0.067",
        "",
      ].join("\n"),
    );
  });

  test("gives no ratio to nothing", () => {
    const rows = [
      { by: "ocp", samples: [0.1] },
      { by: "idle", samples: [0] },
    ];
    const text = renderMetrics([{ title: "CPU", unit: "cores", rows }]);
    expect(text).toMatch(/^ {2}idle +0\.000 +1$/m);
    expect(text).not.toContain("Infinity");
  });
});

test("the pieces of the emitter say how old they are, also those that came together", () => {
  const written = clock() - 100;
  const ages = agesOf(`${written}\n${written - 50}\n`);
  expect(ages).toHaveLength(2);
  expect(ages[0]).toBeGreaterThanOrEqual(100);
  expect(ages[1]! - ages[0]!).toBeCloseTo(50, 1);
});

describe("bun run bench", () => {
  async function bench(args: string[]) {
    await using temp = await createTemp();
    const child = Bun.spawn([process.execPath, "bench/run.ts", ...args], {
      cwd: join(import.meta.dir, "..", ".."),
      env: testEnv(temp.home),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  }

  test("prints the machine and a ratio, and writes the samples where --json says", async () => {
    await using temp = await createTemp();
    const json = join(temp.path, "bench.json");
    const { code, stdout } = await bench(["--quick", "--only", "bytes", "--json", json]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^cores: \d+$/m);
    expect(stdout).toMatch(/^ {2}ocp +[\d,]+ +1$/m);
    expect(stdout).toMatch(/^ {2}a spawn per request +[\d,]+ +1 +x 0\.\d+$/m);
    expect(stdout).not.toContain("throughput");
    const { metrics } = await Bun.file(json).json();
    expect(metrics).toHaveLength(1);
    const [ours, baseline] = metrics[0].rows;
    expect(ours.samples[0]).toBeGreaterThan(0);
    expect(baseline.samples[0]).toBeGreaterThan(ours.samples[0]);
  });

  test.each([
    { args: ["--only", "speed"], says: "no figure speed" },
    { args: ["--runs", "0"], says: "--runs" },
    { args: ["--fast"], says: "--fast" },
  ])("refuses $args", async ({ args, says }) => {
    const { code, stdout, stderr } = await bench([...args]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(says);
  });
});

describe("processes", () => {
  const after = (ms: number, times: readonly number[]) => ({
    at: ms,
    cpu: new Map(times.map((time, pid) => [pid, time])),
  });
  const idle = Array.from({ length: 17 }, () => 1_000);

  test("rest while idle ones use a clock tick now and then", () => {
    expect(isResting(after(0, idle), after(200, idle.with(3, 1_010).with(9, 1_010)))).toBe(true);
  });

  test("do not rest while one of them works, or has just started", () => {
    expect(isResting(after(0, idle), after(200, idle.with(3, 1_150)))).toBe(false);
    expect(isResting(after(0, []), after(200, [150]))).toBe(false);
  });
});

test("a figure that fails or hangs does not end the others, and what it started is gone", async () => {
  const metric = { title: "Size", unit: "MB" as const, rows: [{ by: "ocp", samples: [1] }] };
  const seconds = { base: 1, quick: 1 };
  const hung: Array<{ pid: number }> = [];
  const figures = new Map<string, PlannedFigure>([
    ["failing", { seconds, measure: async () => Promise.reject(new Error("no CLI")) }],
    [
      "hanging",
      {
        seconds,
        async measure() {
          const child = Bun.spawn(["sleep", "1000"]);
          hung.push(child);
          await child.exited;
          return new Promise(() => {});
        },
      },
    ],
    ["good", { seconds, measure: async () => [metric] }],
  ]);
  const failures: string[] = [];
  const { metrics, failed } = await measureAll(figures, {
    runs: 1,
    quick: true,
    deadlineOf: () => 50,
    onStart() {},
    onMetrics() {},
    onFailure: (name, error) => failures.push(`${name}: ${(error as Error).message}`),
  });
  expect(metrics).toEqual([metric]);
  expect(failed).toEqual(["failing", "hanging"]);
  expect(failures).toEqual(["failing: no CLI", "hanging: It took longer than 0 s."]);
  await waitUntil("the hung figure's program is gone", () => hung.every(({ pid }) => !isAlive(pid)));
});

test("a figure's deadline follows the time that it takes", () => {
  expect(deadlineOf(10)).toBe(100_000);
  expect(deadlineOf(200)).toBe(860_000);
});
