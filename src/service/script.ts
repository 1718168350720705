/** The service where there is no service manager (a container, a NAS): a script that cron, or anything else, starts. */

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readText, writeWhole } from "../config/whole-file.ts";
import { OcpError } from "../core/errors.ts";
import { serviceOutput } from "../core/logs.ts";
import { complaint } from "./command.ts";
import type { Installed, ServiceMachine, ServiceManager, ServicePaths, ServiceSpec, ServiceState } from "./manager.ts";
import { tail } from "./tail.ts";

export function scriptPath({ data }: ServicePaths): string {
  return join(data, "start.sh");
}

/** How long, in ms, a server that was told to stop may take: its own grace and a little. */
const stopTime = 20_000;
const lookEvery = 50;

export function createScript(machine: ServiceMachine, paths: ServicePaths): ServiceManager {
  const { run } = machine;
  const script = scriptPath(paths);
  const pidFile = join(paths.data, "service.pid");
  const output = join(paths.logs, serviceOutput);
  const cronLine = `@reboot ${quote(script)} # ocp`;

  const program = () =>
    /^exec '((?:[^']|'\\'')*)' serve/m.exec(readText(script) ?? "")?.[1]?.replaceAll("'\\''", "'") ?? null;

  /** The server that the script became, if it still is that: a number may belong to another process by now. */
  async function running(): Promise<number | null> {
    const pid = Number(readText(pidFile)?.trim());
    if (!Number.isInteger(pid) || pid <= 1) return null;
    const command = await commandOf(pid);
    return command?.includes("serve") && command.includes(program() ?? "\0") ? pid : null;
  }

  async function commandOf(pid: number): Promise<string | null> {
    if (existsSync("/proc/self")) {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return null;
      }
    }
    const asked = await run(["ps", "-o", "args=", "-p", String(pid)]);
    return asked.code === 0 ? asked.stdout : null;
  }

  /** The user's crontab; null when there is no cron. */
  async function crontab(): Promise<string | null> {
    const asked = await run(["crontab", "-l"]);
    if (asked.code === null) return null;
    return asked.code === 0 ? asked.stdout : "";
  }

  async function setCrontab(text: string): Promise<void> {
    const outcome = await run(["crontab", "-"], { input: text });
    if (outcome.code !== 0) throw new OcpError("not_ready", `The crontab was refused: ${complaint(outcome)}.`);
  }

  async function inCrontab(): Promise<boolean | null> {
    const text = await crontab();
    return text === null ? null : text.split("\n").includes(cronLine);
  }

  return {
    kind: "script",

    async state(): Promise<ServiceState> {
      const pid = await running();
      return {
        kind: "script",
        unit: script,
        installed: existsSync(script),
        enabled: await inCrontab(),
        running: pid !== null,
        pid,
        program: program(),
        problem: null,
      };
    },

    async install({ program: wanted, cron }: ServiceSpec): Promise<Installed> {
      const done: string[] = [];
      const advice: string[] = [];
      const text = scriptText(wanted, paths.serviceEnv, pidFile, output);
      if (text !== readText(script)) {
        writeWhole(script, text, 0o700);
        done.push(`Wrote ${script}.`);
      }
      const listed = await inCrontab();
      if (listed === false && cron) {
        await setCrontab(`${await crontab()}${cronLine}\n`);
        done.push("Added it to your crontab: it starts with the machine.");
      } else if (listed !== true) {
        advice.push(
          `Nothing here starts it with the machine. Where there is cron: crontab -e, and the line ${cronLine}`,
        );
      }
      return { done, advice };
    },

    async uninstall(): Promise<string[]> {
      if (!existsSync(script)) return [];
      await this.stop();
      const done: string[] = [];
      if (await inCrontab()) {
        const lines = ((await crontab()) ?? "").split("\n").filter((line) => line !== cronLine);
        await setCrontab(lines.join("\n"));
        done.push("Took it out of your crontab.");
      }
      for (const path of [script, pidFile, output]) rmSync(path, { force: true });
      return [...done, `Stopped the server and removed ${script}.`];
    },

    async start() {
      if ((await running()) !== null) return;
      mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
      const nothing = openSync("/dev/null", "r+");
      try {
        // A session of its own: it outlives this command and its terminal.
        const child = Bun.spawn([script], {
          env: machine.environment as Record<string, string>,
          cwd: machine.home,
          stdio: [nothing, nothing, nothing],
          detached: true,
        });
        child.unref();
      } finally {
        closeSync(nothing);
      }
    },

    async stop() {
      const pid = await running();
      if (pid === null) return;
      process.kill(pid, "SIGTERM");
      const deadline = machine.now() + stopTime;
      while ((await running()) === pid && machine.now() < deadline) await Bun.sleep(lookEvery);
      if ((await running()) === pid) process.kill(pid, "SIGKILL");
    },

    async restart() {
      await this.stop();
      await this.start();
    },

    lastWords: async () => tail(output),
  };
}

/** What the server says is in its own log; the file here is for what comes before that. */
function scriptText(program: string, environment: string, pidFile: string, output: string): string {
  return `#!/bin/sh
# Written by \`ocp install\`: starts the server. \`ocp start\` and cron run it.
set -a
[ -r ${quote(environment)} ] && . ${quote(environment)}
set +a
umask 077
echo "$$" >${quote(pidFile)}
: >${quote(output)}
exec ${quote(program)} serve >>${quote(output)} 2>&1
`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
