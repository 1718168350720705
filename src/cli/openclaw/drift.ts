/** Whether OpenClaw on this machine still fits this version of the server. It is only looked at here. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../config/load.ts";
import { resolvePaths } from "../../config/paths.ts";
import { readServiceEnv } from "../../config/service-env.ts";
import { OcpError } from "../../core/errors.ts";
import { version } from "../version.ts";

/** Whether the user wants it to be kept in step. */
export function keepsOpenClaw(env: Environment): boolean {
  const wanted = env.OCP_OPENCLAW_SYNC ?? readServiceEnv(resolvePaths(env).serviceEnv).OCP_OPENCLAW_SYNC;
  return wanted !== "0" && wanted !== "false";
}

/** A sentence of what is out of step and what to do; null when nothing is. Never rejects. */
export async function openclawDrift(env: Environment): Promise<string | null> {
  const { home } = resolvePaths(env);
  // Most machines have none, and what reads its file is not loaded for nothing.
  if (!existsSync(join(home, ".openclaw", "openclaw.json")) || !keepsOpenClaw(env)) return null;
  try {
    const [{ findDrift }, { isPluginOutdated }, { syncOptions }] = await Promise.all([
      import("../../openclaw/sync.ts"),
      import("../../openclaw/plugin.ts"),
      import("./sync.ts"),
    ]);
    const changes = findDrift(syncOptions(env))?.changes.length ?? 0;
    const plugin = (await isPluginOutdated(home, version)) ? "; its plugin: ocp openclaw plugin install" : "";
    if (changes > 0) return `out of step in ${changes} place${changes === 1 ? "" : "s"}: ocp openclaw sync${plugin}`;
    return plugin === "" ? null : "its plugin is of another version: ocp openclaw plugin install";
  } catch (error) {
    return error instanceof OcpError ? error.message : null;
  }
}
