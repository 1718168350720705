/** The service as a unit of systemd: of the user's own manager, or of the system's. */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import { between } from "../core/text.ts";
import { complaint, type Outcome, type RunOptions } from "./command.ts";
import type { Installed, ServiceMachine, ServiceManager, ServicePaths, ServiceSpec, ServiceState } from "./manager.ts";
import { keepBackup, ourVariables } from "./older.ts";
import { environmentOf, keepAdditions, marker, unitText, withoutVariables } from "./unit.ts";

export const unitName = "ocp-proxy.service";
/** What earlier versions were called. */
const olderNames = ["openclaw-proxy.service"];
/** In the unit that `ocp install` wrote: the user's manager did not outlive the session before. */
const lingerNote = "# Lingering was turned on by `ocp install`.";

export interface SystemdOptions {
  machine: ServiceMachine;
  paths: ServicePaths;
  /** The user that a service of the system runs as; null: a service of the user's own manager. */
  systemUser: string | null;
}

/** Where the unit is, whether or not it exists. */
export function unitPath({ home, environment, systemUnits }: ServiceMachine, system: boolean): string {
  const config = environment.XDG_CONFIG_HOME || join(home, ".config");
  return join(system ? systemUnits : join(config, "systemd", "user"), unitName);
}

/** Whether a manager of the user's (or of the system's) answers here. */
export async function hasSystemd(machine: ServiceMachine, system: boolean): Promise<boolean> {
  if (machine.platform !== "linux") return false;
  const asked = await machine.run(["systemctl", ...(system ? [] : ["--user"]), "show", "--property=Version"]);
  return asked.code === 0 && asked.stdout.includes("Version=");
}

export function createSystemd({ machine, paths, systemUser }: SystemdOptions): ServiceManager {
  const system = systemUser !== null;
  const unit = unitPath(machine, system);
  const scope = system ? [] : ["--user"];
  const ask = (args: readonly string[], options?: RunOptions) => machine.run(["systemctl", ...scope, ...args], options);

  /** Throws when it fails. A stop may take as long as the unit's TimeoutStopSec. */
  async function order(...args: string[]): Promise<Outcome> {
    const outcome = await ask(args, { timeout: 60_000 });
    if (outcome.code === 0) return outcome;
    const command = ["systemctl", ...scope, ...args].join(" ");
    const rights = system && machine.uid !== 0 ? " A service of the system is root's: use sudo." : "";
    throw new OcpError("not_ready", `\`${command}\` failed: ${complaint(outcome)}.${rights}`);
  }

  const older = () =>
    olderNames.map((name) => ({ name, path: join(unit, "..", name) })).filter(({ path }) => existsSync(path));

  async function removeOlder(): Promise<string[]> {
    const done: string[] = [];
    for (const { name, path } of older()) {
      await ask(["disable", "--now", name], { timeout: 60_000 });
      const backup = keepBackup(paths.data, path, machine.now());
      rmSync(path);
      done.push(`Stopped and removed ${path} (a copy is in ${backup}).`);
    }
    if (done.length > 0) await order("daemon-reload");
    return done;
  }

  /** Whether the user's services outlive the session; null where that cannot be asked. */
  async function lingers(): Promise<boolean | null> {
    const asked = await machine.run(["loginctl", "show-user", String(machine.uid), "--property=Linger"]);
    return asked.code === 0 ? asked.stdout.includes("Linger=yes") : null;
  }

  async function linger(): Promise<Installed> {
    if ((await lingers()) === true) return { done: [], advice: [] };
    const outcome = await machine.run(["loginctl", "enable-linger"]);
    if (outcome.code === 0) {
      return { done: ["Turned lingering on: the service runs without a session of yours."], advice: [] };
    }
    const advice = `The service ends with your session, since lingering was refused (${complaint(outcome)}). Run: sudo loginctl enable-linger "$USER"`;
    return { done: [], advice: [advice] };
  }

  return {
    kind: system ? "systemd-system" : "systemd-user",

    async state(): Promise<ServiceState> {
      const known = { kind: this.kind, unit, installed: existsSync(unit) };
      const properties = ["LoadState", "ActiveState", "MainPID", "UnitFileState", "ExecStart"];
      const asked = await ask(["show", unitName, ...properties.map((each) => `--property=${each}`)]);
      if (asked.code !== 0) {
        return { ...known, enabled: null, running: null, pid: null, program: null, problem: complaint(asked) };
      }
      const shown = Object.fromEntries(asked.stdout.split("\n").map((line) => line.split(/=(.*)/s, 2)));
      const pid = Number(shown.MainPID ?? 0);
      return {
        ...known,
        enabled: /^enabled/.test(shown.UnitFileState ?? ""),
        running: ["active", "reloading"].includes(shown.ActiveState ?? ""),
        pid: pid > 0 ? pid : null,
        program: between(shown.ExecStart ?? "", "path=", " ;")?.inside ?? null,
        problem: shown.LoadState === "masked" ? "the unit is masked" : null,
      };
    },

    async install({ program }: ServiceSpec): Promise<Installed> {
      const done = await removeOlder();
      const existing = readText(unit);
      const takesOver = existing !== null && !existing.startsWith(marker);
      if (takesOver) {
        await ask(["stop", unitName], { timeout: 60_000 });
        done.push(
          `Stopped the older service (a copy of its unit is in ${keepBackup(paths.data, unit, machine.now())}).`,
        );
      }
      const lingering = system ? { done: [], advice: [] } : await linger();
      const carried = new Set(Object.keys(ourVariables(environmentOf(existing ?? ""))));
      const base = unitText({ program, environmentFile: paths.serviceEnv, user: systemUser });
      const additions =
        existing === null ? base : keepAdditions(base, withoutVariables(existing, takesOver ? carried : new Set()));
      const noted = lingering.done.length > 0 || existing?.includes(lingerNote);
      const text = noted ? additions.replace(marker, `${marker}\n${lingerNote}`) : additions;
      if (text !== existing) {
        writeWhole(unit, text, system ? 0o644 : 0o600);
        done.push(`Wrote ${unit}.`);
        await order("daemon-reload");
      }
      if ((await this.state()).enabled !== true) {
        await order("enable", unitName);
        done.push("It starts with the machine.");
      }
      return { done: [...done, ...lingering.done], advice: lingering.advice };
    },

    async uninstall(): Promise<string[]> {
      const done = await removeOlder();
      const existing = readText(unit);
      if (existing === null) return done;
      await order("disable", "--now", unitName);
      rmSync(unit);
      await order("daemon-reload");
      await ask(["reset-failed", unitName]);
      done.push(`Stopped the service and removed ${unit}.`);
      if (existing.includes(lingerNote)) {
        const outcome = await machine.run(["loginctl", "disable-linger"]);
        done.push(outcome.code === 0 ? "Turned lingering off again." : `Lingering stays on: ${complaint(outcome)}.`);
      }
      return done;
    },

    async start() {
      // A service that failed too often is not started again before this.
      await ask(["reset-failed", unitName]);
      await order("start", unitName);
    },

    async stop() {
      await order("stop", unitName);
    },

    async restart() {
      await ask(["reset-failed", unitName]);
      await order("restart", unitName);
    },

    async lastWords() {
      const asked = await machine.run([
        "journalctl",
        ...scope,
        "--unit",
        unitName,
        "--lines=15",
        "--no-pager",
        "--output=cat",
      ]);
      return asked.code === 0 && !/^-- No entries --/.test(asked.stdout) ? asked.stdout.trim() : "";
    },
  };
}
