/** The service as an agent of launchd, macOS's service manager. */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readServiceEnv } from "../config/service-env.ts";
import { readText, writeWhole } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import { serviceOutput } from "../core/logs.ts";
import { complaint } from "./command.ts";
import type { Installed, ServiceMachine, ServiceManager, ServicePaths, ServiceSpec, ServiceState } from "./manager.ts";
import { keepBackup } from "./older.ts";
import { environmentIn, plistText, programIn } from "./plist.ts";
import { tail } from "./tail.ts";

const label = "dev.ocp.proxy";
/** What earlier versions were called. */
const olderLabels = ["ai.openclaw.proxy"];

export function plistPath({ home }: ServiceMachine, name = label): string {
  return join(home, "Library", "LaunchAgents", `${name}.plist`);
}

export function olderPlists(machine: ServiceMachine): string[] {
  return olderLabels.map((name) => plistPath(machine, name)).filter((path) => existsSync(path));
}

/** How often a bootstrap is tried again: right after a bootout launchd answers "5: Input/output error" for a while. */
const tries = 10;
const pause = 500;

export function createLaunchd(machine: ServiceMachine, paths: ServicePaths): ServiceManager {
  const { run, uid } = machine;
  const plist = plistPath(machine);
  const output = join(paths.logs, serviceOutput);
  const domain = `gui/${uid}`;

  async function isLoaded(name: string): Promise<boolean> {
    return (await run(["launchctl", "print", `${domain}/${name}`])).code === 0;
  }

  async function bootout(name: string): Promise<void> {
    if (!(await isLoaded(name))) return;
    const outcome = await run(["launchctl", "bootout", `${domain}/${name}`], { timeout: 60_000 });
    // It answers before the service is gone.
    for (let look = 0; look < tries && (await isLoaded(name)); look++) await Bun.sleep(pause);
    if (await isLoaded(name)) throw failed(`launchctl bootout ${domain}/${name}`, complaint(outcome));
  }

  /** From the file as it is now: launchd keeps what it has read. */
  async function bootstrap(): Promise<void> {
    let outcome = await run(["launchctl", "bootstrap", domain, plist]);
    for (let again = 1; again < tries && !(await isLoaded(label)); again++) {
      await Bun.sleep(pause);
      outcome = await run(["launchctl", "bootstrap", domain, plist]);
    }
    if (!(await isLoaded(label))) throw failed(`launchctl bootstrap ${domain} ${plist}`, complaint(outcome));
  }

  /** Whether the file changed. Variables that the user added to it stay. */
  function write(program: string): boolean {
    const existing = readText(plist);
    const ours = readServiceEnv(paths.serviceEnv);
    const added = existing === null || isOlder(existing) ? {} : environmentIn(existing);
    const text = plistText({ label, program, environment: { ...added, ...ours }, output });
    if (text === existing) return false;
    writeWhole(plist, text, 0o600);
    return true;
  }

  return {
    kind: "launchd",

    async state(): Promise<ServiceState> {
      const text = readText(plist);
      const asked = await run(["launchctl", "print", `${domain}/${label}`]);
      const pid = /^[ \t]{0,40}pid = (\d+)/m.exec(asked.stdout)?.[1];
      const couldAsk = asked.code !== null;
      return {
        kind: "launchd",
        unit: plist,
        installed: text !== null,
        enabled: couldAsk ? asked.code === 0 : null,
        running: couldAsk ? pid !== undefined : null,
        pid: pid === undefined ? null : Number(pid),
        program: text === null ? null : programIn(text),
        problem: couldAsk ? null : complaint(asked),
      };
    },

    async install({ program }: ServiceSpec): Promise<Installed> {
      const done = await removeOlder();
      const existing = readText(plist);
      if (existing !== null && isOlder(existing)) {
        await bootout(label);
        done.push(`Stopped the older service (a copy is in ${keepBackup(paths.data, plist, machine.now())}).`);
      }
      if (write(program)) done.push(`Wrote ${plist}.`);
      return { done, advice: [] };
    },

    async uninstall(): Promise<string[]> {
      const done = await removeOlder();
      if (!existsSync(plist)) return done;
      await bootout(label);
      rmSync(plist);
      return [...done, `Stopped the service and removed ${plist}.`];
    },

    async start() {
      if ((await this.state()).running) return;
      await this.restart();
    },

    stop: () => bootout(label),

    async restart() {
      const program = programIn(readText(plist) ?? "");
      if (program === null) throw failed(`reading ${plist}`, "it names no program");
      write(program);
      await bootout(label);
      await bootstrap();
    },

    lastWords: async () => tail(output),
  };

  async function removeOlder(): Promise<string[]> {
    const done: string[] = [];
    for (const path of olderPlists(machine)) {
      await bootout(path.replace(/^.*\/|\.plist$/g, ""));
      const backup = keepBackup(paths.data, path, machine.now());
      rmSync(path);
      done.push(`Stopped and removed ${path} (a copy is in ${backup}).`);
    }
    return done;
  }
}

/** An older version's runs a script with node. */
export function isOlder(plist: string): boolean {
  return /server\.mjs|start\.sh/.test(plist);
}

function failed(what: string, why: string): OcpError {
  return new OcpError("not_ready", `\`${what}\` failed: ${why}.`);
}
