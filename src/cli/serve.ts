/** `ocp serve`: starts the server, says where it listens, and stops it on a signal. */

import { join } from "node:path";
import { loadSettings } from "../config/load.ts";
import { readMachine } from "../config/memory.ts";
import { createDirectories, resolvePaths } from "../config/paths.ts";
import type { Config } from "../config/settings.ts";
import { OcpError } from "../core/errors.ts";
import { serviceOutput } from "../core/logs.ts";
import { boundServiceOutput } from "../logs/service-output.ts";
import { type Ending, start } from "../services.ts";
import { openclawDrift } from "./openclaw/drift.ts";
import { cannotListen, exitCodes, type Host, write } from "./output.ts";
import { flagsOf } from "./serve-args.ts";
import { startReport } from "./start-report.ts";
import { version } from "./version.ts";

/** Returns the exit code after a clean stop. The one line on stdout is the URL, for whoever started us. */
export async function serve(args: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const loaded = loadSettings(host.env, flagsOf(args), readMachine());
  const { config } = loaded;
  const paths = resolvePaths(host.env);
  createDirectories(paths);
  const signals = listenForSignals(host);
  // A full disk under them, or a reader that went, is no reason to stop answering.
  for (const stream of [host.stdout, host.stderr]) stream.on("error", () => {});
  const output = join(paths.logs, serviceOutput);
  const stderr = boundServiceOutput(output, 2, (line) => void write(host, host.stderr, line));
  const ending = endingOf(host);
  const self = Bun.main.startsWith("/$bunfs/") ? [host.execPath] : [host.execPath, Bun.main];
  const options = { demo: args.demo === true, version, self, paths, environment: host.env, stderr, ending };
  const running = await start(loaded, options).catch((error) => {
    throw listenError(error, config) ?? error;
  });
  const { url } = running;
  await write(host, host.stdout, `${url}\n`);
  // After the URL, since it waits for the CLI to say its version; a signal does not wait for it.
  const report = Promise.all([running.report(), options.demo ? null : openclawDrift(host.env)]).then(
    ([found, drift]) => {
      const openclaw = drift === null ? [] : [{ label: "openclaw", value: drift, problem: true }];
      return startReport({ url, report: [...found, ...openclaw] }, config, options);
    },
  );
  await Promise.race([report.then((text) => write(host, host.stderr, text)), signals.first]);
  await signals.first;
  signals.onSecond(() => void running.stop(0));
  await write(host, host.stderr, "Stopping; answers that are being given may end. A second signal stops at once.\n");
  await running.stop(grace);
  return exitCodes.ok;
}

/** How long running answers may go on after the first signal, in ms. */
const grace = 10_000;

/** The first SIGINT or SIGTERM asks for a stop; the next one ends the process as the signal itself would have. */
function listenForSignals(host: Host) {
  const first = Promise.withResolvers<void>();
  let signals = 0;
  let last = () => {};
  const onSignal = (number: number) => {
    signals += 1;
    first.resolve();
    if (signals === 1) return;
    last();
    host.exit(128 + number);
  };
  host.on("SIGINT", () => onSignal(2));
  host.on("SIGTERM", () => onSignal(15));
  return {
    first: first.promise,
    /** `action` must do what it does before it returns: the process ends right after it. */
    onSecond(action: () => void) {
      last = action;
    },
  };
}

function endingOf(host: Host): Ending {
  return {
    atExit: (action) => void host.on("exit", action),
    onDefect(report) {
      const end = (error: unknown) => {
        report(error);
        host.exit(exitCodes.failure);
      };
      host.on("uncaughtException", end);
      host.on("unhandledRejection", end);
    },
  };
}

const listenProblems: Readonly<Record<string, (config: Config) => string>> = {
  EADDRINUSE: ({ port }) =>
    `Port ${port} is taken by another program. Stop that one, or choose another port: ocp serve --port ${port === 3456 ? 3457 : 3456}`,
  EACCES: ({ port }) => `Port ${port} is not allowed to you. Choose one above 1023: ocp serve --port 3456`,
  EADDRNOTAVAIL: ({ bind }) => `${bind} is no address of this machine. Choose another: ocp serve --bind 127.0.0.1`,
};

/** What to say when the server could not listen; undefined when the error is another. */
function listenError(error: unknown, config: Config): OcpError | undefined {
  const code = errnoOf(error) ?? errnoOf((error as Error).cause);
  const sentence = code === undefined ? undefined : listenProblems[code];
  return sentence && new OcpError("not_ready", sentence(config), { reason: cannotListen, cause: error });
}

function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === "string" && Object.hasOwn(listenProblems, code) ? code : undefined;
}
