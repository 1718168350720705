/** The service where there is no service manager, through the commands that people use. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { isAlive, processesAtHome, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { createStandIns, crontab, type StandIns } from "./stand-in.ts";

let temp: Temp;
let standIns: StandIns;
let port: number;

beforeAll(async () => {
  temp = await createTemp();
  // No user's manager answers: that is what makes it a script.
  standIns = createStandIns(temp.path, { systemctl: "exit 1", crontab });
  port = freePort();
});
afterAll(async () => {
  for (const { pid } of processesAtHome(temp.home)) process.kill(pid, "SIGKILL");
  await waitUntilNobodyAtHome(temp.home);
  await temp.remove();
});

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const found = server.port as number;
  server.stop(true);
  return found;
}

async function ocp(args: string[], extra: Record<string, string | undefined> = {}) {
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
  expect(stdout + stderr).not.toContain("sk-ant-oat01-secret");
  return { code, stdout, stderr };
}

const data = () => join(temp.home, ".ocp");
const pid = () => Number(readFileSync(join(data(), "service.pid"), "utf8"));
const health = async () => (await fetch(`http://127.0.0.1:${port}/health`)).json() as Promise<any>;

describe("without a service manager", () => {
  test("nothing is done for --dry-run", async () => {
    const { code, stdout } = await ocp(["install", "--port", String(port), "--dry-run", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: "script",
      url: `http://127.0.0.1:${port}`,
      variables: expect.arrayContaining(["CLAUDE_PROXY_PORT", "CLAUDE_CODE_OAUTH_TOKEN", "PATH"]),
    });
    expect(existsSync(data())).toBe(false);
  });

  test("ocp install writes a script, starts the server by it and says how to start it with the machine", async () => {
    const { code, stdout, stderr } = await ocp(["install", "--port", String(port)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`OCP answers at http://127.0.0.1:${port}.`);
    expect(stdout).toContain("crontab -e");
    expect(await health()).toMatchObject({ status: "ok" });
    expect(statSync(join(data(), "service.env")).mode & 0o777).toBe(0o600);
    expect(standIns.calls()).not.toContain("crontab -");
    expect(Bun.spawnSync(["sh", "-n", join(data(), "start.sh")]).exitCode).toBe(0);
  });

  test("commands find the server by what the service was given", async () => {
    const { code, stdout } = await ocp(["status"]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("OCP") });
  });

  test("again, with --yes, it adds the crontab's line once and keeps the others", async () => {
    writeFileSync(join(standIns.state, "table"), "0 1 * * * backup\n");
    const before = pid();
    for (let time = 0; time < 2; time++) expect((await ocp(["install", "--yes"])).code).toBe(0);
    const table = readFileSync(join(standIns.state, "table"), "utf8");
    expect(table).toBe(`0 1 * * * backup\n@reboot '${join(data(), "start.sh")}' # ocp\n`);
    expect(isAlive(before)).toBe(false);
    const settled = pid();
    expect((await ocp(["install", "--yes"])).stdout).toStartWith("Nothing had to be changed.");
    expect(pid()).toBe(settled);
  });

  test("stop, start and restart do so, and say when there was nothing to do", async () => {
    const first = pid();
    expect((await ocp(["stop"])).stdout).toStartWith("Stopped.");
    expect(isAlive(first)).toBe(false);
    expect((await ocp(["stop"])).stdout).toStartWith("It did not run.");
    expect(JSON.parse((await ocp(["start", "--json"])).stdout)).toEqual({
      url: `http://127.0.0.1:${port}`,
      running: true,
      changed: true,
    });
    const second = pid();
    expect((await ocp(["start"])).stdout).toStartWith("It runs already.");
    expect(pid()).toBe(second);
    expect((await ocp(["restart"])).stdout).toStartWith("Restarted.");
    expect(pid()).not.toBe(second);
  });

  test("a process that has the number of one that is gone is not taken for it", async () => {
    await ocp(["stop"]);
    writeFileSync(join(data(), "service.pid"), `${process.pid}\n`);
    expect((await ocp(["stop"])).stdout).toStartWith("It did not run.");
    expect(isAlive(process.pid)).toBe(true);
  });

  test("a server that it does not run is not touched, and neither is its port", async () => {
    using other = Bun.serve({
      port,
      hostname: "127.0.0.1",
      fetch: () => Response.json({ status: "ok", version: "3.0.0" }),
    });
    for (const command of ["start", "restart", "install"]) {
      const { code, stderr } = await ocp([command]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`http://127.0.0.1:${port}`) });
    }
    expect(other.port).toBe(port);
  });

  test.each([
    [["install", "--auth-mode", "shared"], "PROXY_API_KEY"],
    [["install", "--port", "x"], 'CLAUDE_PROXY_PORT is "x"'],
    [["install", "--port", "0"], "needs a port of its own"],
    [["install", "--user", "me"], "--user goes with --system"],
    [["install", "--program", "ocp"], "--program must be an absolute path"],
    [["restart", "now"], '"gateway", not "now"'],
  ])("%j is refused and changes nothing", async (args, sentence) => {
    const before = readFileSync(join(data(), "service.env"), "utf8");
    const { code, stdout, stderr } = await ocp(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(readFileSync(join(data(), "service.env"), "utf8")).toBe(before);
  });

  test("a server that cannot start is shown by its last words", async () => {
    await using home = await createTemp();
    const program = join(home.path, "ocp");
    writeFileSync(program, "#!/bin/sh\necho 'it is broken' >&2\nexit 1\n", { mode: 0o755 });
    const child = Bun.spawn([...ocpCommand("binary"), "install", "--program", program, "--port", String(freePort())], {
      env: testEnv(home.home, { PATH: `${standIns.bin}:/usr/bin:/bin` }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toContain("Its last words:\nocp: it is broken\n");
    expect(await child.exited).toBe(1);
  }, 20_000);

  test("OpenClaw's gateway is restarted by OpenClaw", async () => {
    expect((await ocp(["restart", "gateway"])).stderr).toContain("There is no openclaw command here");
    const { bin, calls } = createStandIns(join(temp.path, "claw"), { openclaw: "" });
    const { stdout } = await ocp(["restart", "gateway"], { PATH: `${bin}:/usr/bin:/bin` });
    expect(stdout).toBe("OpenClaw's gateway was restarted.\n");
    expect(calls()).toEqual(["openclaw gateway restart"]);
  });

  test("uninstall takes all of it away but the data, which only --purge does, and not without being told twice", async () => {
    await ocp(["start"]);
    const { code, stdout } = await ocp(["uninstall"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`stay in ${data()}`) });
    expect(processesAtHome(temp.home)).toEqual([]);
    expect(readFileSync(join(standIns.state, "table"), "utf8")).toBe("0 1 * * * backup\n");
    for (const file of ["start.sh", "service.pid"]) expect(existsSync(join(data(), file))).toBe(false);
    // The login token is among what stays, and an update keeps copies of it.
    const snapshot = join(data(), "upgrade-snapshot-2026-01-02T03-04-05-000Z");
    mkdirSync(snapshot);
    writeFileSync(join(snapshot, "ocp"), "");
    writeFileSync(join(snapshot, "snapshot.json"), '{"from":"4.0.0","to":"4.0.1","createdAt":"2026-01-02T03:04:05Z"}');
    writeFileSync(join(snapshot, "service.env"), "PROXY_API_KEY='a secret of mine'\n");
    const left = [
      { file: join(data(), "service.env"), names: ["CLAUDE_CODE_OAUTH_TOKEN"] },
      { file: join(snapshot, "service.env"), names: ["PROXY_API_KEY"] },
    ];
    // So are answers of the model.
    writeFileSync(join(data(), "sessions.db"), "");
    left.push({ file: join(data(), "sessions.db"), names: ["answers of the model (OCP_SESSION_KEEP)"] });
    const again = (await ocp(["uninstall"])).stdout;
    expect(again).toStartWith("No service was installed.");
    for (const { file, names } of left) expect(again).toContain(`${file} still holds ${names[0]}.`);
    expect(again).toContain("ocp uninstall --purge");
    expect(again).not.toContain("a secret of mine");
    expect(JSON.parse((await ocp(["uninstall", "--json"])).stdout)).toMatchObject({ secrets: left });
    expect((await ocp(["start"])).stderr).toContain("No service is installed.");

    expect(await ocp(["uninstall", "--purge"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("say --yes"),
    });
    expect(existsSync(join(data(), "ocp.db"))).toBe(true);
    expect(await ocp(["uninstall", "--purge", "--yes"])).toMatchObject({ code: 0 });
    expect(existsSync(data())).toBe(false);
  });

  test("a directory that is not ours, or that a link leads to, is not purged", async () => {
    const precious = join(temp.path, "precious");
    mkdirSync(precious);
    writeFileSync(join(precious, "ocp.db"), "");
    symlinkSync(precious, data());
    expect((await ocp(["uninstall", "--purge", "--yes"])).stderr).toContain("does not look like OCP's own");
    expect(existsSync(join(precious, "ocp.db"))).toBe(true);
  });
});

describe("who installs", () => {
  test("from the source is told to build", async () => {
    await using home = await createTemp();
    const child = Bun.spawn([...ocpCommand("source"), "install"], {
      env: testEnv(home.home),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toContain("runs from its source");
    expect(await child.exited).toBe(2);
  });

  needs("root").test("by sudo is told that the service is the user's", async () => {
    const { code, stderr } = await ocp(["install"], { SUDO_USER: "somebody" });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("Run it without sudo") });
  });
});
