/** One run of the fuzzer: a server of its own with a scripted CLI, so that what is right after all costs little. */

import { createFakeCli, ending, messageStart, text, textStart } from "../../harness/fake-cli.ts";
import { startOcp, type Target } from "../../harness/ocp.ts";
import { createTemp } from "../../harness/temp.ts";
import { type FuzzReport, fuzz } from "./fuzz.ts";

export interface FuzzRun {
  target: Target;
  count: number;
  seed: number;
  growth: number;
  onProgress?: (done: number) => void;
}

/** The report; that the server has noted a defect, or answers no more, is a problem too. */
export async function runFuzz({ target, ...run }: FuzzRun): Promise<FuzzReport> {
  await using temp = await createTemp();
  const cli = createFakeCli(temp.path);
  cli.says([messageStart, textStart, text("Hello"), ...ending]);
  await using ocp = await startOcp({ target, env: { CLAUDE_BIN: cli.bin } });
  const port = Number(new URL(ocp.url).port);
  const report = await fuzz({ ...run, port, pid: ocp.pid });
  const defects = ocp.stderr().match(/^.*internal error.*$/gm) ?? [];
  const { status } = await fetch(`${ocp.url}/v1/models`);
  const problems = [...report.problems, ...defects, ...(status === 200 ? [] : [`afterwards it answers ${status}`])];
  return { ...report, problems };
}
