/** Runs the checks side by side, each within its time, and says what to do first. */

import { OcpError } from "../core/errors.ts";
import type { Check, Finding, Level } from "./check.ts";
import { claude, isolation, login } from "./cli.ts";
import type { DoctorContext } from "./context.ts";
import { database, disk, log } from "./data.ts";
import { binary, platform, update, version } from "./program.ts";
import { exposure, port, service, settings } from "./serving.ts";
import { clock, memory, openclaw, plan } from "./surroundings.ts";

/** In the order in which what is wrong is to be put right: nothing works before the first of them do. */
export const checks: Readonly<Record<string, (context: DoctorContext) => Promise<Finding>>> = {
  platform,
  clock,
  disk,
  binary,
  version,
  claude,
  login,
  settings,
  database,
  update,
  service,
  port,
  exposure,
  isolation,
  memory,
  log,
  plan,
  openclaw,
};

/** Ms; `claude --version` on a busy Pi takes the longest. */
const patience = 25_000;

/** Never rejects: a check that fails itself, or takes too long, is `unknown`. */
export async function examine(context: DoctorContext, ids: readonly string[], limit = patience): Promise<Check[]> {
  return Promise.all(
    ids.map(async (id) => ({ id, ...(await within(limit, checks[id] as (typeof checks)[string], context)) })),
  );
}

async function within(
  ms: number,
  check: (context: DoctorContext) => Promise<Finding>,
  context: DoctorContext,
): Promise<Finding> {
  let timer: Timer | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(resolve, ms, { level: "unknown", message: `It could not be looked at within ${ms / 1000} s.` });
  });
  try {
    return await Promise.race([check(context), late]);
  } catch (error) {
    const why =
      error instanceof OcpError ? error.message : `${(error as NodeJS.ErrnoException).code ?? (error as Error).name}.`;
    return { level: "unknown", message: `It could not be looked at: ${why}` };
  } finally {
    clearTimeout(timer);
  }
}

/** One step, for a person or an agent. */
export interface NextAction {
  kind: string;
  human_required: string[];
  ai_executable: string[];
  /** Says whether it has helped. */
  verify: string;
}

/** Failures come before warnings, and among them the order of the table decides. */
export function nextAction(found: readonly Check[], ocp: string): NextAction {
  const first = (level: Level) => found.find((check) => check.level === level && check.remedy);
  const check = first("failure") ?? first("warning");
  if (!check?.remedy) return { kind: "noop", human_required: [], ai_executable: [], verify: `${ocp} doctor` };
  const { kind, human, commands } = check.remedy;
  return { kind, human_required: human, ai_executable: commands, verify: `${ocp} doctor --check ${check.id}` };
}
