/** `ocp start`, `stop` and `restart`: the service that is installed, and whether its server then answers. */

import { resolvePaths } from "../../config/paths.ts";
import { readServiceEnv } from "../../config/service-env.ts";
import { OcpError } from "../../core/errors.ts";
import type { ServiceManager } from "../../service/manager.ts";
import { exitCodes, type Host, usageError, write } from "../output.ts";
import { urlOf } from "../remote.ts";
import { version } from "../version.ts";
import { awaitServer, awaitSilence, lookForServer } from "./answering.ts";
import { installedService, serviceMachine } from "./machine.ts";

type Arguments = Readonly<Record<string, unknown>>;

const startTime = 60_000;
const stopTime = 20_000;

export async function start(args: Arguments, host: Host): Promise<number> {
  const { service, url } = find(host);
  await refuseStranger(service, url);
  const ran = (await service.state()).running === true;
  if (!ran) await service.start();
  await answers(service, url);
  return said(args, host, { url, running: true, changed: !ran }, ran ? "It runs already" : "Started");
}

export async function stop(args: Arguments, host: Host): Promise<number> {
  const { service, url } = find(host);
  const ran = (await service.state()).running !== false;
  await service.stop();
  if (ran && !(await awaitSilence(url, stopTime))) {
    throw new OcpError(
      "not_ready",
      `The service has stopped, but a server that it does not run still answers at ${url}.`,
    );
  }
  return said(args, host, { url, running: false, changed: ran }, ran ? "Stopped" : "It did not run");
}

export async function restart(args: Arguments, host: Host): Promise<number> {
  if (args.what === "gateway") return restartGateway(args, host);
  if (args.what !== undefined)
    throw usageError(`\`ocp restart\` restarts the server, or "gateway", not ${JSON.stringify(args.what)}.`);
  const { service, url } = find(host);
  await refuseStranger(service, url);
  await service.restart();
  await answers(service, url);
  return said(args, host, { url, running: true, changed: true }, "Restarted");
}

/** OpenClaw's own way to do it. */
async function restartGateway(args: Arguments, host: Host): Promise<number> {
  const { run } = serviceMachine(host, resolvePaths(host.env));
  const outcome = await run(["openclaw", "gateway", "restart"], { timeout: 60_000 });
  if (outcome.code === null)
    throw new OcpError("not_ready", "There is no openclaw command here, so no gateway to restart.");
  if (outcome.code !== 0) {
    const { complaint } = await import("../../service/command.ts");
    throw new OcpError("not_ready", `\`openclaw gateway restart\` failed: ${complaint(outcome)}.`);
  }
  const text =
    args.json === true
      ? `${JSON.stringify({ gateway: "restarted" }, null, 2)}\n`
      : "OpenClaw's gateway was restarted.\n";
  await write(host, host.stdout, text);
  return exitCodes.ok;
}

function find(host: Host): { service: ServiceManager; url: string } {
  const service = installedService(host);
  return { service, url: urlOf(readServiceEnv(resolvePaths(host.env).serviceEnv)) };
}

/** The service could not listen while another server has its port, and that one is not ours to end. */
async function refuseStranger(service: ServiceManager, url: string): Promise<void> {
  if ((await service.state()).running !== false || (await lookForServer(url)) === null) return;
  throw new OcpError("not_ready", `A server that the service does not run answers at ${url}. Stop that one first.`);
}

async function answers(service: ServiceManager, url: string): Promise<void> {
  if ((await awaitServer(url, version, startTime, async () => (await service.state()).running)) !== null) return;
  const other = await lookForServer(url);
  const words = await service.lastWords();
  const found =
    other === null
      ? "nothing answers"
      : `OCP ${other.version} answers, not ${version}: the service runs another binary; run ocp install`;
  const end = words === "" ? "" : ` Its last words:\n${words}`;
  throw new OcpError("not_ready", `The service was started, but ${found} at ${url}.${end}`);
}

async function said(
  args: Arguments,
  host: Host,
  outcome: { url: string; running: boolean; changed: boolean },
  word: string,
): Promise<number> {
  const end = outcome.running ? `OCP answers at ${outcome.url}.` : `Nothing answers at ${outcome.url}.`;
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(outcome, null, 2)}\n` : `${word}. ${end}\n`);
  return exitCodes.ok;
}
