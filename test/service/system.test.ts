/** A service of the system, and lingering, against stand-ins: no test may touch the machine's own. */

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { processesAtHome, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { createStandIns } from "./stand-in.ts";

/**
 * Starts and stops what the unit names, and knows what is enabled; the unit lies where `units` says. In a container
 * nobody may collect what has ended, so a zombie does not run.
 */
const systemctl = (units: string) => `
[ "$1" = --user ] && shift
unit='${units}/ocp-proxy.service'
running() {
  [ -e "$STATE/pid" ] && read -r _ _ state _ 2>/dev/null <"/proc/$(cat "$STATE/pid")/stat" && [ "$state" != Z ]
}
start() {
  set -a; . "$(sed -n 's/^EnvironmentFile=-//p' "$unit")"; set +a
  setsid "$(sed -n 's/^ExecStart="\\(.*\\)" serve$/\\1/p' "$unit")" serve >/dev/null 2>&1 & echo $! >"$STATE/pid"
}
stop() { running && kill "$(cat "$STATE/pid")"; while running; do sleep 0.05; done; rm -f "$STATE/pid"; }
case "$1 $2" in
  "show --property=Version") echo Version=252 ;;
  "show ocp-proxy.service")
    [ -e "$unit" ] && echo LoadState=loaded || echo LoadState=not-found
    if running; then echo ActiveState=active; echo MainPID=$(cat "$STATE/pid"); else echo ActiveState=inactive; echo MainPID=0; fi
    [ -e "$STATE/enabled" ] && echo UnitFileState=enabled || echo UnitFileState=disabled
    [ -e "$unit" ] && sed -n 's/^ExecStart="\\(.*\\)" serve$/ExecStart={ path=\\1 ; argv[]=x }/p' "$unit" ;;
  "enable ocp-proxy.service") touch "$STATE/enabled" ;;
  "disable --now") stop; rm -f "$STATE/enabled" ;;
  "start ocp-proxy.service") running || start ;;
  "stop ocp-proxy.service") stop ;;
  "restart ocp-proxy.service") stop; start ;;
esac
exit 0`;

const loginctl = `
case "$1" in
  show-user) [ -e "$STATE/linger" ] && echo Linger=yes || echo Linger=no ;;
  enable-linger) touch "$STATE/linger" ;;
  disable-linger) rm "$STATE/linger" ;;
esac`;

async function machine(units: (home: string) => string) {
  const temp = await createTemp();
  const standIns = createStandIns(temp.path, { systemctl: systemctl(units(temp.home)), loginctl });
  using free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = String(free.port);
  const ocp = async (args: string[], extra: Record<string, string | undefined> = {}) => {
    const env = testEnv(temp.home, {
      PATH: `${standIns.bin}:/usr/bin:/bin`,
      CLAUDE_BIN: claudeBinary(),
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-secret",
      ...extra,
    });
    const child = Bun.spawn([...ocpCommand("binary"), ...args], {
      env,
      cwd: temp.path,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, stdout, stderr };
  };
  const end = async () => {
    for (const { pid } of processesAtHome(temp.home)) process.kill(pid, "SIGKILL");
    await waitUntilNobodyAtHome(temp.home);
    await temp.remove();
  };
  return { home: temp.home, standIns, port, ocp, [Symbol.asyncDispose]: end };
}

needs("root").test("ocp install --system makes a unit of the system that runs as the user", async () => {
  await using box = await machine((home) => join(home, "systemd"));
  const { home, standIns, port, ocp } = box;
  const unit = join(home, "systemd", "ocp-proxy.service");
  expect(await ocp(["install", "--system", "--user", "nobody-here"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no user "nobody-here"'),
  });

  const { code, stdout, stderr } = await ocp(["install", "--system", "--user", "root", "--port", port, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ kind: "systemd-system", unit, running: true, warnings: [] });
  const text = readFileSync(unit, "utf8");
  expect(text).toContain("User=root\n");
  expect(text).toContain("WantedBy=multi-user.target");
  expect(text).not.toContain("sk-ant-oat01-secret");
  expect(statSync(unit).mode & 0o777).toBe(0o644);
  expect(statSync(join(home, ".ocp", "service.env")).mode & 0o777).toBe(0o600);
  expect(standIns.calls().filter((call) => call.includes("--user") || call.startsWith("loginctl"))).toEqual([]);
  expect((await ocp(["stop"])).code).toBe(0);
  expect((await ocp(["start"])).code).toBe(0);
  expect((await ocp(["doctor", "--check", "service"])).stdout).toContain("The service runs (systemd-system)");

  const user = join(home, ".config", "systemd", "user", "ocp-proxy.service");
  mkdirSync(join(user, ".."), { recursive: true });
  writeFileSync(user, text);
  expect(await ocp(["doctor", "--check", "service"])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("Two services want to run"),
  });
  writeFileSync(user, "");
  expect((await ocp(["uninstall"])).code).toBe(0);
  expect((await ocp(["uninstall"])).code).toBe(0);
  expect([existsSync(user), existsSync(unit)]).toEqual([false, false]);
});

test("lingering is turned on once, and off again by who turned it on", async () => {
  await using box = await machine((home) => join(home, ".config", "systemd", "user"));
  const { standIns, port, ocp } = box;
  const linger = join(standIns.state, "linger");
  expect((await ocp(["install", "--port", port])).stdout).toContain("Turned lingering on");
  expect((await ocp(["install"])).stdout).toStartWith("Nothing had to be changed.");
  expect(standIns.calls().filter((call) => call === "loginctl enable-linger")).toHaveLength(1);
  expect((await ocp(["uninstall"])).stdout).toContain("Turned lingering off again.");
  expect(existsSync(linger)).toBe(false);

  writeFileSync(linger, "");
  await ocp(["install", "--port", port]);
  expect((await ocp(["uninstall"])).stdout).not.toContain("ingering");
  expect(existsSync(linger)).toBe(true);
});

test("a service that a script ran is one of systemd's once there is systemd", async () => {
  await using box = await machine((home) => join(home, ".config", "systemd", "user"));
  const { home, standIns, port, ocp } = box;
  const without = createStandIns(join(home, "without"), { systemctl: "exit 1" });
  expect((await ocp(["install", "--port", port], { PATH: `${without.bin}:/usr/bin:/bin` })).code).toBe(0);
  expect(existsSync(join(home, ".ocp", "start.sh"))).toBe(true);
  const { stdout } = await ocp(["install", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ kind: "systemd-user", running: true });
  expect(existsSync(join(home, ".ocp", "start.sh"))).toBe(false);
  expect(processesAtHome(home).filter(({ command }) => command.endsWith(" serve"))).toHaveLength(1);
  expect(standIns.calls().at(-1)).toContain("show");
});

test("without a login the service is installed, and it is said what to do, unless nobody wants to know", async () => {
  await using box = await machine((home) => join(home, ".config", "systemd", "user"));
  const { port, ocp } = box;
  const none = { CLAUDE_CODE_OAUTH_TOKEN: undefined };
  const { code, stdout } = await ocp(["install", "--port", port], none);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("claude setup-token") });
  expect(stdout.match(/not logged in/g)).toHaveLength(1);
  expect((await ocp(["install"], { ...none, CLAUDE_BIN: undefined })).code).toBe(0);
  await ocp(["stop"]);
  const silent = await ocp(["install", "--no-start"], { ...none, OCP_SKIP_AUTH_TEST: "1" });
  expect(silent.stdout).not.toContain("setup-token");
  expect(silent.stdout).toContain("It was not started: ocp start");
});
