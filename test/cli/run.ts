/** Runs one `ocp` command to its end, as a user does. */

import { testEnv } from "../harness/env.ts";
import { ocpCommand, type Target } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** In an empty directory, with an empty home and nothing on stdin. */
export async function runOcp(
  target: Target,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<Outcome> {
  await using temp = await createTemp();
  const child = Bun.spawn([...ocpCommand(target), ...args], {
    cwd: temp.path,
    env: testEnv(temp.home, env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
