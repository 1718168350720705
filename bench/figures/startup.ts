/** How long the binary takes to say its version, and to listen. */

import { below, commands } from "../../src/cli/commands.ts";
import { testEnv } from "../../test/harness/env.ts";
import { createTemp } from "../../test/harness/temp.ts";
import { buildGreeter, buildPrinter } from "../controls.ts";
import type { Figure } from "../figure.ts";
import { alternate, summarize } from "../measure.ts";
import { binary, startOurs } from "../ours.ts";
import type { Program } from "../programs.ts";

export const startup: Figure = async ({ programs, quick }) => {
  const rounds = quick ? 5 : 20;
  await using temp = await createTemp();
  const [printer, greeter] = [await buildPrinter(temp), await buildGreeter(temp)];
  const env = testEnv(temp.home, { NODE_ENV: undefined });

  const run = async (argv: string[]) => {
    const start = performance.now();
    const { exitCode } = Bun.spawnSync(argv, { cwd: temp.path, env });
    const took = performance.now() - start;
    if (exitCode !== 0) throw new Error(`${argv.join(" ")} failed.`);
    return took;
  };
  const listening = async (start: () => Promise<Program>) => {
    await using program = await start();
    return program.listeningAfter;
  };
  const pause = () => Bun.sleep(20);

  const names = [...commands].flatMap(([name, command]) => [
    name,
    ...Object.keys(below(command)).map((sub) => `${name} ${sub}`),
  ]);
  const helped = await alternate(
    Math.ceil(rounds / 4),
    names.map((name) => () => run([binary, ...name.split(" "), "--help"])),
    () => Bun.sleep(0),
  );
  const versions = [[binary, "--version"], [printer], [process.execPath, "--version"]];
  const printed = await alternate(
    rounds,
    versions.map((argv) => () => run(argv)),
    pause,
  );
  const listened = await alternate(
    rounds,
    [() => listening(() => startOurs(programs)), () => listening(() => programs.start({ argv: [greeter] }))],
    pause,
  );

  const rows = (names: string[], samples: number[][]) => names.map((by, at) => ({ by, samples: samples[at]! }));
  return [
    {
      title: "--version, spawn to exit",
      unit: "ms",
      goal: "10",
      rows: rows(["ocp --version", "compiled console.log", "bun --version"], printed),
    },
    {
      title: "<any command> --help, spawn to exit",
      unit: "ms",
      goal: "15",
      rows: [
        { by: `all ${names.length} commands`, samples: helped.flat() },
        { by: `the slowest: ${names[slowest(helped)]}`, samples: helped[slowest(helped)]! },
      ],
    },
    {
      title: "Spawn to listening",
      unit: "ms",
      goal: "30",
      rows: rows(["ocp serve", "compiled Bun.serve"], listened),
    },
  ];
};

/** Which of them has the largest median. */
function slowest(samples: readonly number[][]): number {
  const medians = samples.map((each) => summarize(each).median);
  return medians.indexOf(Math.max(...medians));
}
