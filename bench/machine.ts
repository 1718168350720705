/** Where and with what was measured. */

import { cpus, totalmem } from "node:os";
import { version } from "../package.json";
import { claudeBinary } from "../test/harness/claude.ts";
import { testEnv } from "../test/harness/env.ts";
import { createTemp } from "../test/harness/temp.ts";

export interface Machine {
  date: string;
  ocp: string;
  claude: string;
  bun: string;
  platform: string;
  cpu: string;
  cores: number;
  memoryGB: number;
}

export async function describeMachine(now: Date): Promise<Machine> {
  await using temp = await createTemp();
  const options = { env: testEnv(temp.home), stdin: "ignore", timeout: 30_000 } as const;
  const claude = Bun.spawnSync([claudeBinary(), "--version"], options).stdout.toString().split(" ")[0] ?? "unknown";
  return {
    date: now.toISOString(),
    ocp: version,
    claude,
    bun: Bun.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
  };
}
