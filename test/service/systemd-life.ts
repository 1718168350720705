/**
 * The life of the service under a real systemd, step by step: `bun test/service/systemd-life.ts` beside one, in a home
 * of its own. Each step that holds is a line on stdout.
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { changeServiceEnv, parseServiceEnv } from "../../src/config/service-env.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";

const binary = process.argv[2] as string;
const home = process.env.HOME as string;
const units = join(home, ".config", "systemd", "user");
const unit = join(units, "ocp-proxy.service");
const environment = join(home, ".ocp", "service.env");
const [port, otherPort] = [4701, 4702];

async function run(argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe", cwd: home });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

async function ocp(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await run([binary, ...args, "--json"]);
  assert.equal(code, 0, `ocp ${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

const health = (at: number): Promise<any> =>
  fetch(`http://127.0.0.1:${at}/health`).then(
    (response) => response.json(),
    () => null,
  );
const show = async (property: string) =>
  (await run(["systemctl", "--user", "show", "ocp-proxy", `--property=${property}`, "--value"])).stdout.trim();
const isActive = async (name: string) => (await run(["systemctl", "--user", "is-active", name])).stdout.trim();
const step = (text: string) => process.stdout.write(`${text}\n`);

await mkdir(units, { recursive: true });
const older = (lines: string) =>
  `[Service]\nExecStart=/bin/sleep 1000\nRestart=always\n${lines}\n[Install]\nWantedBy=default.target\n`;
writeFileSync(
  unit,
  older(
    `Environment=CLAUDE_PROXY_PORT=${port} "PROXY_ANONYMOUS_KEY=an-older-key"\nEnvironment=MINE=stays NODE_ENV=production`,
  ),
);
writeFileSync(join(units, "openclaw-proxy.service"), older("Environment=CLAUDE_MAX_QUEUE=7"));
await run(["systemctl", "--user", "daemon-reload"]);
for (const name of ["ocp-proxy", "openclaw-proxy"]) await run(["systemctl", "--user", "enable", "--now", name]);
assert.equal(await isActive("ocp-proxy"), "active");

const first = await ocp("install");
assert.equal(first.kind, "systemd-user");
assert.equal(first.running, true);
assert.equal((await health(port)).status, "ok");
assert.equal(existsSync(join(units, "openclaw-proxy.service")), false);
assert.notEqual(await isActive("openclaw-proxy"), "active");
assert.equal(
  processesAtHome(home).some(({ command }) => command.startsWith("/bin/sleep")),
  false,
);
const kept = parseServiceEnv(readFileSync(environment, "utf8"));
assert.equal(kept.PROXY_ANONYMOUS_KEY, "an-older-key");
assert.equal(kept.CLAUDE_MAX_QUEUE, "7");
assert.equal(kept.NODE_ENV, "test");
assert.match(readFileSync(unit, "utf8"), /^Environment="MINE=stays"/m);
assert.doesNotMatch(readFileSync(unit, "utf8"), /an-older-key|sleep/);
for (const file of [unit, environment]) assert.equal(statSync(file).mode & 0o777, 0o600);
step("takes over the units of older versions and answers");

const pid = await show("MainPID");
const again = await ocp("install");
assert.deepEqual([again.changed, again.done, again.running], [false, [], true]);
assert.equal(await show("MainPID"), pid);
step("an installation that changes nothing leaves the server alone");

process.kill(Number(pid), "SIGKILL");
await waitUntil("it is back", async () => (await show("MainPID")) !== pid && (await health(port)) !== null, 20_000);
step("a server that was killed comes back");

const odd = 'a $HOME `id` \\ "x" # ; %h';
writeFileSync(
  environment,
  `# mine\n${changeServiceEnv(readFileSync(environment, "utf8"), { OCP_INSTANCE_NAME: "it's", ODD: odd })}`,
);
writeFileSync(unit, readFileSync(unit, "utf8").replace("[Install]", "Nice=5\n\n[Install]"));
await ocp("install", "--port", String(otherPort));
assert.equal((await health(otherPort)).instanceName, "it's");
assert.equal(await health(port), null);
const variables = readFileSync(`/proc/${await show("MainPID")}/environ`, "utf8").split("\0");
assert.ok(variables.includes(`ODD=${odd}`));
assert.ok(variables.includes("MINE=stays"));
assert.match(readFileSync(unit, "utf8"), /^Nice=5$/m);
assert.match(readFileSync(environment, "utf8"), /^# mine$/m);
assert.equal(await show("Nice"), "5");
step("what the user added stays, and systemd reads the environment as we do");

assert.equal((await ocp("stop")).running, false);
assert.equal(await health(otherPort), null);
assert.equal(
  processesAtHome(home).some(({ command }) => command.includes(" serve")),
  false,
);
assert.equal((await ocp("start")).running, true);
assert.equal((await ocp("start")).changed, false);
writeFileSync(environment, changeServiceEnv(readFileSync(environment, "utf8"), { OCP_INSTANCE_NAME: "renamed" }));
await ocp("restart");
assert.equal((await health(otherPort)).instanceName, "renamed");
step("it stops, starts, and restarts with its settings as they are then");

const bad = await run([binary, "install", "--auth-mode", "shared"]);
assert.equal(bad.code, 2);
assert.match(bad.stderr, /PROXY_API_KEY/);
assert.equal((await health(otherPort)).instanceName, "renamed");
step("settings that the server would refuse change nothing");

await ocp("uninstall");
assert.equal(await health(otherPort), null);
assert.equal(existsSync(unit), false);
assert.equal(existsSync(environment), true);
assert.equal((await run(["systemctl", "--user", "list-unit-files", "ocp*", "openclaw*", "--no-legend"])).stdout, "");
step("what was installed is gone, and the data is still there");
