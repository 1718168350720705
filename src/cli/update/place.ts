/** The binary that an update replaces, and the service that runs it. */

import { accessSync, constants, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { build } from "../../config/build.ts";
import { createDirectories, resolvePaths } from "../../config/paths.ts";
import { readServiceEnv } from "../../config/service-env.ts";
import { OcpError } from "../../core/errors.ts";
import { createRun } from "../../service/command.ts";
import { findInstalled } from "../../service/find.ts";
import type { Place, Surroundings, UpdatedServer } from "../../update/apply.ts";
import { type Host, write } from "../output.ts";
import { urlOf } from "../remote.ts";
import { awaitServer } from "../service/answering.ts";
import { ownProgram, serviceMachine } from "../service/machine.ts";

const startTime = 60_000;

/** Throws OcpError invalid_request from the source, and not_ready where the file cannot be replaced. */
export function placeOf(host: Host): Place {
  const paths = resolvePaths(host.env);
  // Through links, to the file itself: the links stay.
  const binary = realpathSync(ownProgram(host, undefined));
  try {
    accessSync(dirname(binary), constants.W_OK);
  } catch {
    throw new OcpError(
      "not_ready",
      `You may not write to ${dirname(binary)}, where this ocp is. Run the update as its owner (sudo), or install ocp in your home.`,
    );
  }
  createDirectories(paths);
  return { data: paths.data, serviceEnv: paths.serviceEnv, binary, version: build.version };
}

export async function surroundings(host: Host, place: Place): Promise<Surroundings> {
  const testing = host.env.NODE_ENV === "test";
  return {
    server: await serverOf(host, place),
    run: createRun(host.env),
    say: (line) => write(host, host.stderr, `${line}\n`),
    after(step) {
      // How the tests end an update where they want to.
      if (testing && host.env.OCP_TEST_STOP_AFTER === step) process.kill(process.pid, "SIGKILL");
    },
    pid: process.pid,
    now: Date.now,
  };
}

/** The running service whose program is the binary; null when it is another's, or does not run. */
async function serverOf(host: Host, { binary, serviceEnv }: Place): Promise<UpdatedServer | null> {
  const paths = resolvePaths(host.env);
  const service = findInstalled(serviceMachine(host, paths), paths);
  const state = await service?.state();
  if (!service || state?.running !== true || state.program === null || real(state.program) !== binary) return null;
  if (service.kind === "systemd-system" && host.getuid?.() !== 0) {
    throw new OcpError(
      "not_ready",
      "The service of the system can only be restarted by root: run the update with sudo.",
    );
  }
  const url = urlOf(readServiceEnv(serviceEnv));
  return {
    restart: () => service.restart(),
    stop: () => service.stop(),
    lastWords: () => service.lastWords(),
    answers: async (version) =>
      (await awaitServer(url, version, startTime, async () => (await service.state()).running)) !== null,
  };
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
