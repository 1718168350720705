/** This machine as the service managers see it, and the `ocp` that a service of it runs. */

import { basename } from "node:path";
import type { Environment } from "../../config/load.ts";
import { type Paths, resolvePaths } from "../../config/paths.ts";
import { createRun } from "../../service/command.ts";
import { findInstalled } from "../../service/find.ts";
import type { ServiceMachine, ServiceManager } from "../../service/manager.ts";
import { type Host, usageError } from "../output.ts";

/** `env`: of whom the service runs as. */
export function serviceMachine(host: Host, paths: Paths, env: Environment = host.env): ServiceMachine {
  const uid = host.getuid?.() ?? 0;
  // Without it, as in a session of `su`, systemctl does not find the user's manager.
  const environment = { XDG_RUNTIME_DIR: `/run/user/${uid}`, ...env };
  return {
    platform: host.platform,
    uid,
    home: paths.home,
    environment,
    systemUnits: paths.systemUnits,
    run: createRun(environment),
    now: Date.now,
  };
}

/** The service that is installed. Throws OcpError invalid_request when there is none. */
export function installedService(host: Host): ServiceManager {
  const paths = resolvePaths(host.env);
  const found = findInstalled(serviceMachine(host, paths), paths);
  if (found) return found;
  throw usageError("No service is installed. `ocp install` makes one; `ocp serve` runs the server in this terminal.");
}

/** The binary that runs now, or the one that `--program` names. Throws OcpError invalid_request from the source. */
export function ownProgram(host: Host, wanted: unknown): string {
  if (typeof wanted === "string") {
    if (!wanted.startsWith("/")) throw usageError("--program must be an absolute path.");
    return wanted;
  }
  if (!/^bun(\.exe|-\S*)?$/.test(basename(host.execPath))) return host.execPath;
  throw usageError("This ocp runs from its source. Build the binary and install that, or name it with --program.");
}
