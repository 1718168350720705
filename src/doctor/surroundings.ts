/** The machine around the server: memory, clock, the plan, and OpenClaw. */

import { readFileSync, statSync } from "node:fs";
import { loadSettings } from "../config/load.ts";
import { readMachine } from "../config/memory.ts";
import { OcpError } from "../core/errors.ts";
import { findDrift } from "../openclaw/sync.ts";
import { type Finding, human, runnable } from "./check.ts";
import type { Answer, DoctorContext } from "./context.ts";

const MB = 1_000_000;
/** Of a spare, and of what all processes share (measured on 2.1.197 and 2.1.330). */
const [spareMemory, sharedMemory] = [110, 75];

export async function memory({ settings, machine }: DoctorContext): Promise<Finding> {
  const total = Math.floor(readMachine().memory / MB);
  const available = machine.platform === "linux" ? availableMemory() : null;
  let config: ReturnType<typeof loadSettings>["config"];
  try {
    config = loadSettings(settings, {}, readMachine()).config;
  } catch {
    return {
      level: "unknown",
      message: "The settings cannot be used, so it is not known how much memory they ask for.",
    };
  }
  const limit = Math.floor(config.memoryMax / MB);
  const evidence = { totalMB: total, availableMB: available, limitMB: limit, spares: config.spares };
  const less = human("fix_memory", "Keep fewer processes: ocp settings spares 0, or a lower OCP_MEMORY_MAX.");
  if (limit > total)
    return {
      level: "warning",
      message: `OCP_MEMORY_MAX allows ${limit} MB, and the machine has ${total} MB.`,
      evidence,
      remedy: less,
    };
  const wanted = config.spares * spareMemory + sharedMemory;
  if (config.spares > 0 && available !== null && available < wanted) {
    return {
      level: "warning",
      message: `${config.spares} spare processes want ${wanted} MB, and ${available} MB are available.`,
      evidence,
      remedy: less,
    };
  }
  return { level: "ok", message: `The processes may take ${limit} of ${total} MB.`, evidence };
}

/** In MB; null when it cannot be read. */
function availableMemory(): number | null {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
    return kilobytes === undefined ? null : Math.floor((Number(kilobytes) * 1024) / MB);
  } catch {
    return null;
  }
}

const day = 86_400_000;

/** A box without a battery for its clock starts in the past, where every certificate is not valid yet. */
export async function clock({ machine, execPath }: DoctorContext): Promise<Finding> {
  const now = machine.now();
  const made = statSync(execPath).mtimeMs;
  const evidence = { now: new Date(now).toISOString() };
  if (now >= made - day) return { level: "ok", message: `It is ${evidence.now}.`, evidence };
  const message = `The clock says ${evidence.now}, which is before this file was made.`;
  return {
    level: "failure",
    message,
    evidence,
    remedy: human("fix_clock", "Set the clock, or have it set: timedatectl set-ntp true"),
  };
}

export async function plan({ status }: DoctorContext): Promise<Finding> {
  const found = (await status())?.plan as Answer | undefined;
  const session = found?.currentSession as Answer | undefined;
  if (typeof found?.status !== "string" || found.status === "unknown") {
    return { level: "unknown", message: "What is left of the plan is told with the first answer." };
  }
  const evidence = {
    status: found.status,
    session: String(session?.percent ?? "unknown"),
    resetsIn: String(session?.resetsIn ?? "unknown"),
  };
  if (found.status === "rejected") {
    return {
      level: "warning",
      message: `The plan is used up; its session resets in ${evidence.resetsIn}.`,
      evidence,
      remedy: human("wait", "Wait for the reset: ocp usage"),
    };
  }
  return { level: "ok", message: `${evidence.session} of the plan's session is used.`, evidence };
}

export async function openclaw({ openclaw: options, ocp }: DoctorContext): Promise<Finding> {
  try {
    const drift = findDrift(options);
    if (drift === null) return { level: "ok", message: "OpenClaw is not on this machine." };
    const evidence = { file: drift.file };
    if (drift.changes.length === 0) return { level: "ok", message: "OpenClaw is in step.", evidence };
    return {
      level: "warning",
      message: drift.changes.join(" "),
      evidence,
      remedy: runnable("sync_openclaw", `${ocp} openclaw sync`),
    };
  } catch (error) {
    if (!(error instanceof OcpError)) throw error;
    return { level: "unknown", message: error.message };
  }
}
