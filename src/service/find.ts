/** Which service manager a machine has, which of them runs OCP already, and what older services had set. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import { createLaunchd, isOlder, olderPlists, plistPath } from "./launchd.ts";
import type { ServiceMachine, ServiceManager, ServicePaths } from "./manager.ts";
import { ourVariables } from "./older.ts";
import { environmentIn } from "./plist.ts";
import { createScript, scriptPath } from "./script.ts";
import { createSystemd, hasSystemd, unitPath } from "./systemd.ts";
import { environmentOf, marker } from "./unit.ts";

/** The service that is installed; null when there is none. */
export function findInstalled(machine: ServiceMachine, paths: ServicePaths): ServiceManager | null {
  const isThere = (path: string) => existsSync(path);
  if (machine.platform === "darwin") return isThere(plistPath(machine)) ? createLaunchd(machine, paths) : null;
  if (isThere(unitPath(machine, false))) return createSystemd({ machine, paths, systemUser: null });
  // Its unit names the user; what is asked of it here does not need one.
  if (isThere(unitPath(machine, true))) return createSystemd({ machine, paths, systemUser: "" });
  return isThere(scriptPath(paths)) ? createScript(machine, paths) : null;
}

/**
 * The manager that `ocp install` uses. `systemUser`: the user that a service of the system is to run as; null: the
 * user's own. Throws OcpError not_ready where there is no service manager of the system.
 */
export async function chooseManager(
  machine: ServiceMachine,
  paths: ServicePaths,
  systemUser: string | null,
): Promise<ServiceManager> {
  if (systemUser !== null) {
    if (await hasSystemd(machine, true)) return createSystemd({ machine, paths, systemUser });
    throw new OcpError(
      "not_ready",
      "A service of the system needs systemd, which does not answer here. Leave out --system.",
    );
  }
  if (machine.platform === "darwin") return createLaunchd(machine, paths);
  if (await hasSystemd(machine, false)) return createSystemd({ machine, paths, systemUser: null });
  return createScript(machine, paths);
}

/** What services of earlier versions had set of our variables; the newer of two services wins. */
export function inheritedEnvironment(machine: ServiceMachine): Record<string, string> {
  if (machine.platform === "darwin") {
    const own = readText(plistPath(machine)) ?? "";
    const texts = [...olderPlists(machine).map((path) => readText(path) ?? ""), isOlder(own) ? own : ""];
    return ourVariables(Object.assign({}, ...texts.map(environmentIn)));
  }
  const unit = unitPath(machine, false);
  const own = readText(unit) ?? "";
  const texts = [readText(join(unit, "..", "openclaw-proxy.service")) ?? "", own.startsWith(marker) ? "" : own];
  return ourVariables(Object.assign({}, ...texts.map(environmentOf)));
}
