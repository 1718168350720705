/** Where things lie on disk, all from HOME. Tests are kept away from the files of whoever runs them. */

import { chmodSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { OcpError } from "../core/errors.ts";
import type { Environment } from "./load.ts";

export interface Paths {
  home: string;
  /** OCP's own files. */
  data: string;
  /** In there, the log's files; `src/logs` makes it. */
  logs: string;
  /** The administrator's key, when the environment does not give it. */
  adminKey: string;
  /** The environment of the installed service (service-env.ts). */
  serviceEnv: string;
  /** Where systemd keeps the units of the system. */
  systemUnits: string;
  /** The empty home that the claude CLI runs in. */
  spawnHome: string;
  /** What the interactive mode needs: a home, a working directory, and a directory of sessions. */
  terminal: string;
  /** Where the owner's claude CLI keeps its configuration and login. */
  claudeConfig: string;
}

/**
 * Computes the paths and touches nothing. `realHome` gives the home directory in the system's user database.
 * Throws OcpError invalid_request when HOME is missing or relative, and under NODE_ENV=test when it is the real one.
 */
export function resolvePaths(env: Environment, realHome: () => string = homeInUserDatabase): Paths {
  const home = env.HOME ?? "";
  if (!isAbsolute(home)) {
    throw new OcpError("invalid_request", "HOME must be set to the absolute path of your home directory.");
  }
  const testing = env.NODE_ENV === "test";
  if (testing && canonical(home) === canonical(realHome())) {
    throw new OcpError("invalid_request", "NODE_ENV is test and HOME is your real home directory: set another HOME.");
  }
  const data = (testing && env.OCP_DIR_OVERRIDE) || join(home, ".ocp");
  return {
    home,
    data,
    logs: join(data, "logs"),
    adminKey: join(data, "admin-key"),
    serviceEnv: join(data, "service.env"),
    systemUnits: testing ? join(home, "systemd") : "/etc/systemd/system",
    spawnHome: join(data, "spawn-home"),
    terminal: join(data, "tui"),
    claudeConfig: env.CLAUDE_CONFIG_DIR || join(home, ".claude"),
  };
}

/**
 * Makes the directories that OCP writes to, readable by their owner only; older ones are narrowed to that.
 * Throws OcpError not_ready.
 */
export function createDirectories(paths: Paths): void {
  try {
    mkdirSync(paths.data, { recursive: true, mode: 0o700 });
    chmodSync(paths.data, 0o700);
    mkdirSync(paths.spawnHome, { recursive: true, mode: 0o700 });
    // A link is refused where it is swept (src/claude/scratch.ts); what it leads to keeps its rights.
    if (lstatSync(paths.spawnHome).isDirectory()) chmodSync(paths.spawnHome, 0o700);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new OcpError("not_ready", `The directory .ocp in your home directory cannot be made (${why}).`, { cause });
  }
}

/** The shell asks the system, whatever the database is; `os.userInfo()` repeats HOME under Bun 1.4.5. */
function homeInUserDatabase(): string {
  const command = ["/bin/sh", "-c", 'eval "echo ~$(id -un)"'];
  return Bun.spawnSync(command, { env: { PATH: "/usr/bin:/bin" } })
    .stdout.toString()
    .trim();
}

function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
