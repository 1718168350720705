/** `ocp install`: a server that starts with the machine and stays. */

import { lchownSync } from "node:fs";
import { type Environment, loadSettings } from "../../config/load.ts";
import { readMachine } from "../../config/memory.ts";
import { createDirectories, type Paths, resolvePaths } from "../../config/paths.ts";
import { parseServiceEnv } from "../../config/service-env.ts";
import { finishWrite, readText, writeWhole } from "../../config/whole-file.ts";
import { OcpError } from "../../core/errors.ts";
import { chooseManager, findInstalled, inheritedEnvironment } from "../../service/find.ts";
import type { ServiceManager } from "../../service/manager.ts";
import { canAsk, confirm } from "../confirm.ts";
import { keepsOpenClaw } from "../openclaw/drift.ts";
import { exitCodes, type Host, usageError, write } from "../output.ts";
import { urlOf } from "../remote.ts";
import { version } from "../version.ts";
import { awaitServer, lookForServer } from "./answering.ts";
import { type ServiceEnvironment, serviceEnvironment } from "./environment.ts";
import { ownProgram, serviceMachine } from "./machine.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** How long, in ms, a machine that is busy may take until its server answers. */
const startTime = 60_000;

export async function install(args: Arguments, host: Host): Promise<number> {
  const program = ownProgram(host, args.program);
  const owner = await ownerOf(args, host);
  const paths = resolvePaths(owner.env);
  const machine = serviceMachine(host, paths, owner.env);
  const manager = await chooseManager(machine, paths, owner.systemUser);
  const inherited = inheritedEnvironment(machine);
  if (args["dry-run"] !== true) finishWrite(paths.serviceEnv);
  const environment = serviceEnvironment(args, owner.env, readText(paths.serviceEnv) ?? "", inherited);
  const variables = parseServiceEnv(environment.text);
  // What the server would refuse is refused here, before anything is touched.
  const { config } = loadSettings(variables, {}, readMachine());
  if (config.port === 0) throw usageError("A service needs a port of its own: port 0 is another one at each start.");
  const url = urlOf(variables);
  if (args["dry-run"] === true) return await preview(args, host, { manager, paths, program, environment, url });

  const former = findInstalled(machine, paths);
  const moved = former && former.kind !== manager.kind ? await former.uninstall() : [];
  const before = await manager.state();
  if (before.running !== true && Object.keys(inherited).length === 0 && (await lookForServer(url)) !== null) {
    throw new OcpError(
      "not_ready",
      `A server answers at ${url} already, and no service runs it. Stop it, or choose another --port.`,
    );
  }
  const warnings = await lookAround(variables, paths, host);
  createDirectories(paths);
  if (environment.text !== readText(paths.serviceEnv)) writeWhole(paths.serviceEnv, environment.text, 0o600);
  owner.take([paths.data, paths.spawnHome, paths.serviceEnv]);
  const cron = manager.kind === "script" && (await agreesToCron(args, host));
  const { done: written, advice } = await manager.install({ program, cron });
  const done = [...moved, ...written];
  warnings.push(...advice);
  if (environment.changed.length > 0) done.unshift(`Kept in ${paths.serviceEnv}: ${environment.changed.join(", ")}.`);
  // citty takes `--no-start` for the opposite of a flag named `start`.
  const start = args.start !== false;
  const isUpToDate = done.length === 0 && before.running === true && (await lookForServer(url))?.version === version;
  if (start && !isUpToDate) await manager.restart();
  const answered = start
    ? await awaitServer(url, version, startTime, async () => (await manager.state()).running)
    : null;
  if (start && answered === null) throw new OcpError("not_ready", await whyNot(manager, url));
  // The server finds what was found before, in other words.
  if (warnings.length === advice.length) warnings.push(...(answered?.advice ?? []));
  done.push(...(await toldOpenClaw(owner.env, warnings)));

  const changed = done.length > 0;
  const outcome = { kind: manager.kind, unit: before.unit, url, running: answered !== null, changed, done, warnings };
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(outcome, null, 2)}\n` : page(outcome));
  return exitCodes.ok;
}

/** Never fatal: the server works without it. */
async function toldOpenClaw(env: Environment, warnings: string[]): Promise<string[]> {
  if (!keepsOpenClaw(env)) return [];
  const [{ syncOpenClaw }, { syncOptions }] = await Promise.all([
    import("../../openclaw/sync.ts"),
    import("../openclaw/sync.ts"),
  ]);
  try {
    const { drift, backup } = syncOpenClaw(syncOptions(env));
    return backup === null ? [] : [`Wrote the server into ${drift?.file} (as it was it is in ${backup}).`];
  } catch (error) {
    warnings.push(
      error instanceof OcpError
        ? error.message
        : `OpenClaw's configuration was left alone: ${(error as Error).message}`,
    );
    return [];
  }
}

interface Owner {
  /** With the home of whom the server runs as. */
  env: NodeJS.ProcessEnv;
  /** Null: a service of the user's own. */
  systemUser: string | null;
  /** Gives files that root has made to the user. */
  take(paths: readonly string[]): void;
}

/** Who the server runs as. Throws OcpError invalid_request under sudo without `--system`, and for no such user. */
async function ownerOf(args: Arguments, host: Host): Promise<Owner> {
  const isRoot = host.getuid?.() === 0;
  const invoker = host.env.SUDO_USER;
  if (args.system !== true) {
    if (args.user !== undefined) throw usageError("--user goes with --system.");
    if (isRoot && invoker && invoker !== "root") {
      throw usageError("Run it without sudo: the service is yours. For a service of the system, say --system.");
    }
    return { env: host.env, systemUser: null, take: () => {} };
  }
  const name = typeof args.user === "string" ? args.user : (invoker ?? host.env.USER ?? "root");
  const run = serviceMachine(host, resolvePaths(host.env)).run;
  const entry = (await run(["getent", "passwd", name])).stdout.trim().split(":");
  const [, , uid, gid, , home] = entry;
  if (!home || !/^\d+$/.test(uid ?? "")) throw usageError(`There is no user ${JSON.stringify(name)} on this machine.`);
  const isInvoker = host.env.HOME !== undefined && Number(uid) === host.getuid?.();
  return {
    env: isInvoker ? host.env : { ...host.env, HOME: home },
    systemUser: name,
    take(paths) {
      if (isRoot) for (const path of paths) lchownSync(path, Number(uid), Number(gid));
    },
  };
}

/** What will keep it from answering, and what to do; nothing of it stops the installation. */
async function lookAround(variables: Record<string, string>, paths: Paths, host: Host): Promise<string[]> {
  const { findClaude, findLogin } = await import("../../doctor/claude.ts");
  const claude = await findClaude(variables, paths);
  if (claude.path === null) return [claude.problem ?? "The claude CLI was not found."];
  if (host.env.OCP_SKIP_AUTH_TEST === "1") return [];
  const login = await findLogin(variables, paths, host.platform, Date.now);
  if (login.state !== "missing") return [];
  return [
    "claude is not logged in: run `claude` as this user and log in. Without a browser, run `claude setup-token` on a machine that has one, then CLAUDE_CODE_OAUTH_TOKEN=... ocp install here.",
  ];
}

async function agreesToCron(args: Arguments, host: Host): Promise<boolean> {
  if (args.yes === true) return true;
  if (!canAsk(host)) return false;
  return confirm(
    "There is no service manager here. Add a line to your crontab, so that it starts with the machine?",
    false,
    host,
  );
}

async function whyNot(manager: ServiceManager, url: string): Promise<string> {
  const words = await manager.lastWords();
  const end = words === "" ? "It has said nothing." : `Its last words:\n${words}`;
  return `The service is installed, but nothing of this version answers at ${url}. ${end}`;
}

interface Preview {
  manager: ServiceManager;
  paths: Paths;
  program: string;
  environment: ServiceEnvironment;
  url: string;
}

async function preview(
  args: Arguments,
  host: Host,
  { manager, paths, program, environment, url }: Preview,
): Promise<number> {
  const { unit, installed } = await manager.state();
  const outcome = {
    kind: manager.kind,
    unit,
    replaces: installed === true,
    program,
    url,
    environmentFile: paths.serviceEnv,
    variables: environment.changed,
  };
  const text = [
    `Would ${installed ? "replace" : "write"} ${unit}, which runs ${program}.`,
    `Would keep in ${paths.serviceEnv}: ${environment.changed.join(", ") || "nothing new"}.`,
    `It would answer at ${url}. Nothing was changed.`,
  ];
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(outcome, null, 2)}\n` : `${text.join("\n")}\n`);
  return exitCodes.ok;
}

function page(outcome: {
  url: string;
  running: boolean;
  changed: boolean;
  done: string[];
  warnings: string[];
}): string {
  const end = outcome.running ? [`OCP answers at ${outcome.url}.`] : ["It was not started: ocp start"];
  const nothing = outcome.done.length === 0 ? ["Nothing had to be changed."] : [];
  return [...outcome.done, ...nothing, ...outcome.warnings.map((each) => `! ${each}`), ...end, ""].join("\n");
}
