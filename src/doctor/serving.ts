/** The server and its service: settings, port, who runs it, and to whom it is open. */

import { existsSync, statSync } from "node:fs";
import { loadSettings } from "../config/load.ts";
import { readMachine } from "../config/memory.ts";
import { type Setting, settings as table } from "../config/settings.ts";
import { variables } from "../config/variables.ts";
import { isLoopback } from "../core/address.ts";
import { OcpError } from "../core/errors.ts";
import { unitPath } from "../service/systemd.ts";
import { type Finding, human, quoted, runnable } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { holderOf } from "./holder.ts";
import { real } from "./program.ts";

export async function settings({ settings: given, paths }: DoctorContext): Promise<Finding> {
  const where = human(
    "fix_settings",
    `Correct it in ${paths.serviceEnv} (or in this shell's environment), then: ocp restart`,
  );
  try {
    loadSettings(given, {}, readMachine());
  } catch (error) {
    if (!(error instanceof OcpError)) throw error;
    return { level: "failure", message: error.message.replaceAll("\n", " "), remedy: where };
  }
  const known = new Set([
    ...(table as readonly Setting[]).map(({ env }) => env),
    ...variables.map(([name]) => name),
    "OCP_DIR_OVERRIDE",
  ]);
  const odd = Object.keys(given).filter(
    (name) => /^(OCP|CLAUDE_PROXY|PROXY)_/.test(name) && !known.has(name) && !/^(HTTPS?|NO)_/.test(name),
  );
  if (odd.length > 0) return { level: "warning", message: `OCP does not know ${odd.join(", ")}.`, remedy: where };
  return { level: "ok", message: "All settings can be used." };
}

export async function port({ url, health, machine, service, ocp }: DoctorContext): Promise<Finding> {
  const number = Number(new URL(url).port);
  const [answer, holder] = await Promise.all([health(), holderOf(number, machine.platform, machine.run)]);
  const evidence = {
    url,
    holder: typeof holder === "string" ? holder : `${holder.name} (${holder.pid})`,
    version: typeof answer?.version === "string" ? answer.version : null,
  };
  if (answer !== null) return { level: "ok", message: `OCP ${evidence.version} answers at ${url}.`, evidence };
  if (holder === "nobody") {
    const installed = (await service())?.installed === true;
    const remedy = installed ? runnable("start", `${ocp} start`) : runnable("install", `${ocp} install`);
    return { level: "failure", message: `Nothing listens at ${url}.`, evidence, remedy };
  }
  if (holder === "unknown")
    return {
      level: "unknown",
      message: `Something may listen at ${url}, but it is not seen what; it does not answer as OCP.`,
      evidence,
    };
  const remedy = human(
    "fix_port",
    `Stop ${holder.name} (process ${holder.pid}), or give OCP another port: ocp install --port 3457`,
  );
  return {
    level: "failure",
    message: `${holder.name} (process ${holder.pid}) has the port, and does not answer as OCP.`,
    evidence,
    remedy,
  };
}

export async function service(context: DoctorContext): Promise<Finding> {
  const { ocp, build, machine, url } = context;
  const [state, answer] = await Promise.all([context.service(), context.health()]);
  if (state === null) {
    const message = "No service is installed: nobody starts the server when the machine starts.";
    return { level: "warning", message, remedy: runnable("install", `${ocp} install`) };
  }
  const { kind, unit, installed, enabled, running, pid, program } = state;
  const evidence = { kind, unit, installed, enabled, running, pid, program };
  const units = [false, true].map((system) => unitPath(machine, system)).filter((path) => existsSync(path));
  if (machine.platform === "linux" && units.length > 1) {
    const steps = "systemctl --user disable --now ocp-proxy, or sudo systemctl disable --now ocp-proxy";
    const remedy = human("fix_service", `Keep one of them: ${steps}`);
    return { level: "failure", message: `Two services want to run: ${units.join(" and ")}.`, evidence, remedy };
  }
  if (running === null)
    return { level: "unknown", message: `The service cannot be looked at: ${state.problem}.`, evidence };
  if (program !== null && !statSync(program, { throwIfNoEntry: false })) {
    return {
      level: "failure",
      message: `The service runs ${program}, which is gone.`,
      evidence,
      remedy: runnable("fix_service", `${ocp} install`),
    };
  }
  if (!running)
    return {
      level: "failure",
      message: "The service does not run.",
      evidence,
      remedy: runnable("start", `${ocp} start`),
    };
  const holder = await holderOf(Number(new URL(url).port), machine.platform, machine.run);
  if (pid !== null && typeof holder !== "string" && holder.pid !== pid) {
    const remedy = human("fix_service", `Stop the process ${holder.pid} (${holder.name}), then: ocp restart`);
    return {
      level: "failure",
      message: `The service runs as process ${pid}, but process ${holder.pid} answers at ${url}.`,
      evidence,
      remedy,
    };
  }
  if (typeof answer?.version === "string" && answer.version !== build.version) {
    const isOurs = program !== null && real(program) === real(context.execPath);
    const remedy = runnable("restart", `${ocp} ${isOurs ? "restart" : "install"}`);
    return {
      level: "warning",
      message: `The service runs OCP ${answer.version}; this is ${build.version}.`,
      evidence,
      remedy,
    };
  }
  if (enabled === false) {
    const remedy =
      kind === "script"
        ? human(
            "fix_service",
            `Have it started with the machine: crontab -e, and the line @reboot ${quoted(unit)} # ocp`,
          )
        : runnable("fix_service", `${ocp} install`);
    return { level: "warning", message: "The service runs, but does not start with the machine.", evidence, remedy };
  }
  return { level: "ok", message: `The service runs (${kind}).`, evidence };
}

export async function exposure({ settings: given, paths, health }: DoctorContext): Promise<Finding> {
  const bind = given.CLAUDE_BIND || "127.0.0.1";
  const said = (await health())?.authMode;
  const mode = typeof said === "string" ? said : given.CLAUDE_AUTH_MODE || (given.PROXY_API_KEY ? "shared" : "none");
  const keyMode = statSync(paths.adminKey, { throwIfNoEntry: false })?.mode;
  const evidence = { bind, authMode: mode, adminKeyMode: keyMode === undefined ? null : (keyMode & 0o777).toString(8) };
  if (keyMode !== undefined && (keyMode & 0o077) !== 0) {
    return {
      level: "failure",
      message: "Other users of this machine can read the admin key.",
      evidence,
      remedy: runnable("fix_modes", `chmod 600 ${quoted(paths.adminKey)}`),
    };
  }
  if (mode !== "none") return { level: "ok", message: `It listens on ${bind} and asks for a key (${mode}).`, evidence };
  if (isLoopback(bind))
    return { level: "ok", message: "It listens to this machine alone, and asks for no key.", evidence };
  const remedy = human(
    "fix_exposure",
    "Give each device a key: ocp install --auth-mode multi, then ocp keys add NAME",
    "Or listen to this machine alone: ocp install --bind 127.0.0.1",
  );
  return {
    level: "warning",
    message: `Whoever reaches ${bind} can use your login: no key is asked for.`,
    evidence,
    remedy,
  };
}
