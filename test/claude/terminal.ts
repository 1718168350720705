/** An engine in the interactive mode, on the real CLI and the simulated API. */

import { join } from "node:path";
import type { TerminalSettings } from "../../src/claude/terminal/settings.ts";
import type { CliVersion } from "../harness/claude.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { type Driven, drive } from "./engine.ts";

export interface DrivenTerminal extends Driven {
  temp: Temp;
  /** What the mode keeps on disk. */
  directory: string;
}

type Changes = Parameters<typeof drive>[1];

export async function driveTerminal(
  cli: CliVersion,
  settings: Partial<TerminalSettings> = {},
  changes: Changes = {},
): Promise<DrivenTerminal> {
  const temp = await createTemp();
  const directory = join(temp.home, ".ocp", "tui");
  const driven = await drive(cli, {
    terminal: {
      home: { path: join(directory, "home"), ours: true },
      cwd: join(directory, "work"),
      sessions: join(directory, "sessions"),
      entrypoint: "auto",
      effort: "low",
      poolSize: 0,
      ...settings,
    },
    paths: {
      home: temp.home,
      spawnHome: join(temp.home, ".ocp", "spawn-home"),
      claudeConfig: join(temp.home, ".claude"),
    },
    ...changes,
  });
  return Object.assign(driven, {
    temp,
    directory,
    async [Symbol.asyncDispose]() {
      await driven.engine.close(0);
      await driven.simulator.stop();
      await temp.remove();
    },
  });
}
