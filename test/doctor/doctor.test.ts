/** `ocp doctor` on machines in all kinds of states, through the binary. */

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Check } from "../../src/doctor/check.ts";
import type { DoctorContext } from "../../src/doctor/context.ts";
import { examine } from "../../src/doctor/examine.ts";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { processesAtHome, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { createStandIns, crontab, type StandIns } from "../service/stand-in.ts";

const [binary = ""] = ocpCommand("binary");
const secret = "sk-ant-oat01-secret";

let temp: Temp;
let standIns: StandIns;
let port: number;
beforeEach(async () => {
  temp = await createTemp();
  standIns = createStandIns(temp.path, { systemctl: "exit 1", crontab });
  using free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  port = free.port as number;
});
afterEach(async () => {
  for (const { pid } of processesAtHome(temp.home)) process.kill(pid, "SIGKILL");
  await waitUntilNobodyAtHome(temp.home);
  await temp.remove();
});

async function run(argv: string[], extra: Record<string, string | undefined> = {}) {
  const env = testEnv(temp.home, {
    PATH: `${standIns.bin}:/usr/bin:/bin`,
    CLAUDE_BIN: claudeBinary(),
    CLAUDE_CODE_OAUTH_TOKEN: secret,
    CLAUDE_PROXY_PORT: String(port),
    ...extra,
  });
  const child = Bun.spawn(argv, { env, cwd: temp.path, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(stdout + stderr).not.toContain(secret);
  return { code, stdout, stderr };
}
const ocp = (args: string[], extra?: Record<string, string | undefined>) => run([binary, ...args], extra);

async function diagnose(ids: string, extra?: Record<string, string | undefined>) {
  const { code, stdout } = await ocp(["doctor", "--json", "--check", ids], extra);
  const report = JSON.parse(stdout) as { checks: Check[]; ok: boolean; fail_count: number; next_action: any };
  expect(code).toBe(report.ok ? 0 : 1);
  return { ...report, first: report.checks[0] as Check };
}

const data = () => join(temp.home, ".ocp");
const database = () => join(data(), "ocp.db");

async function serveOnce() {
  expect((await ocp(["install"])).code).toBe(0);
  await ocp(["stop"]);
}

describe("ocp doctor", () => {
  test("finds nothing wrong where all is well, and says so in a table and in JSON", async () => {
    writeFileSync(join(temp.home, "table"), "");
    expect((await ocp(["install", "--yes"])).code).toBe(0);
    const { code, stdout, stderr } = await ocp(["doctor"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`ok       port       OCP`);
    expect(stdout).toEndWith("Nothing is to be done.\n");
    expect(stdout).not.toMatch(/warning|failure/);
    expect(stdout).not.toContain("\u001b");
    const { stdout: json } = await ocp(["doctor", "--json"]);
    expect(JSON.parse(json)).toMatchObject({
      schema_version: "1",
      ok: true,
      fail_count: 0,
      warn_count: 0,
      // Neither is a plain build's to know, nor before the first answer.
      unknown_count: 2,
      next_action: { kind: "noop", human_required: [], ai_executable: [] },
    });
  });

  test("of an empty home names every step, the first that is needed first", async () => {
    const none = { CLAUDE_BIN: undefined, CLAUDE_CODE_OAUTH_TOKEN: undefined, PATH: standIns.bin };
    const { checks, next_action, fail_count } = await diagnose(
      "claude,login,service,port,database,log,isolation,plan",
      none,
    );
    const levels = Object.fromEntries(checks.map(({ id, level }) => [id, level]));
    expect(levels).toEqual({
      claude: "failure",
      login: "failure",
      service: "warning",
      port: "failure",
      database: "ok",
      log: "ok",
      isolation: "unknown",
      plan: "unknown",
    });
    expect(fail_count).toBe(3);
    expect(next_action).toMatchObject({ kind: "install_claude", ai_executable: [] });
    expect(next_action.human_required[0]).toContain("npm install -g @anthropic-ai/claude-code");
    expect(next_action.verify).toEndWith("doctor --check claude");
    expect(existsSync(data())).toBe(false);
  });

  test("lists its checks when it is asked for one that it does not have", async () => {
    const { code, stderr } = await ocp(["doctor", "--check", "port,prot"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("no check prot. There are: platform, clock"),
    });
  });
});

describe("it sees", () => {
  test.each([
    ["an old claude", "2.1.100", "warning", "older than the oldest"],
    ["a newer claude", "3.0.0", "ok", "newer than the newest"],
    ["a claude that says nothing", "", "failure", "does not say its version"],
  ])("%s", async (_, version, level, sentence) => {
    const bin = join(temp.path, "claude");
    writeFileSync(bin, `#!/bin/sh\necho "${version}"\n`, { mode: 0o755 });
    const { first } = await diagnose("claude", { CLAUDE_BIN: bin });
    expect(first).toMatchObject({ level, message: expect.stringContaining(sentence) });
  });

  test.each([
    ["that is good", 3_600_000, "ok", "logged in (file, good until"],
    ["that has run out", -3_600_000, "ok", "renews it"],
  ])("a login %s", async (_, until, level, sentence) => {
    mkdirSync(join(temp.home, ".claude"));
    const login = { claudeAiOauth: { accessToken: secret, refreshToken: secret, expiresAt: Date.now() + until } };
    writeFileSync(join(temp.home, ".claude", ".credentials.json"), JSON.stringify(login));
    const { first } = await diagnose("login", { CLAUDE_CODE_OAUTH_TOKEN: undefined });
    expect(first).toMatchObject({ level, message: expect.stringContaining(sentence) });
  });

  test("a login that Anthropic refuses only when the server has met that", async () => {
    using server = Bun.serve({
      port,
      hostname: "127.0.0.1",
      fetch: () => Response.json({ status: "degraded", version: "4.0.0", auth: { state: "rejected" } }),
    });
    expect((await diagnose("login")).first).toMatchObject({
      level: "failure",
      message: "Anthropic refused this login.",
    });
    expect(server.port).toBe(port);
  });

  test("another program on the port, by name, and does not blame it for what it cannot see", async () => {
    using server = Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    const { first, next_action } = await diagnose("port");
    expect(first).toMatchObject({
      level: "failure",
      message: expect.stringContaining(`(process ${process.pid}) has the port`),
    });
    expect(next_action).toMatchObject({ kind: "fix_port", ai_executable: [] });
    expect(server.port).toBe(port);
  });

  test("a server that accepts and never answers", async () => {
    using server = Bun.listen({ port, hostname: "127.0.0.1", socket: { data() {} } });
    expect((await diagnose("port")).first.level).toBe("failure");
    expect(server.port).toBe(port);
  }, 15_000);

  test.each([
    ["a setting that cannot be used", { OCP_LIVE_MAX: "many" }, "failure", "OCP_LIVE_MAX"],
    ["a name that it does not know", { OCP_SPARE: "2" }, "warning", "does not know OCP_SPARE"],
  ])("%s", async (_, env, level, sentence) => {
    expect((await diagnose("settings", env)).first).toMatchObject({
      level,
      message: expect.stringContaining(sentence),
    });
  });

  test.each([
    ["everybody let in without a key", { CLAUDE_BIND: "0.0.0.0" }, "warning", "no key is asked for"],
    ["a key for each", { CLAUDE_BIND: "0.0.0.0", CLAUDE_AUTH_MODE: "multi" }, "ok", "asks for a key (multi)"],
    ["this machine alone", {}, "ok", "this machine alone"],
  ])("%s", async (_, env, level, sentence) => {
    expect((await diagnose("exposure", env)).first).toMatchObject({
      level,
      message: expect.stringContaining(sentence),
    });
  });

  test("more memory promised than there is", async () => {
    const { first } = await diagnose("memory", { OCP_MEMORY_MAX: "9000000000000" });
    expect(first).toMatchObject({ level: "warning", message: expect.stringContaining("the machine has") });
  });

  test("another ocp before this one on the PATH", async () => {
    const other = join(standIns.bin, "ocp");
    writeFileSync(other, "#!/bin/sh\n", { mode: 0o755 });
    expect((await diagnose("binary")).first).toMatchObject({
      level: "warning",
      message: expect.stringContaining(`the shell runs ${other}`),
    });
    rmSync(other);
    symlinkSync(binary, other);
    expect((await diagnose("binary")).first).toMatchObject({
      level: "ok",
      message: expect.stringContaining("the one on the PATH"),
    });
  });

  test("an update that was interrupted", async () => {
    mkdirSync(data(), { mode: 0o700 });
    writeFileSync(
      join(data(), "update.json"),
      JSON.stringify({ from: "4.0.0", to: "4.1.0", snapshot: "/x", binary: "/y" }),
    );
    expect((await diagnose("update")).first).toMatchObject({
      level: "failure",
      message: "An update from 4.0.0 to 4.1.0 was interrupted.",
    });
  });

  test("a newer version of which it cannot be known whether it is there", async () => {
    expect((await diagnose("update")).first).toMatchObject({
      level: "unknown",
      message: expect.stringContaining("no release"),
    });
  });

  test.each([
    ["is damaged", () => writeFileSync(database(), Buffer.alloc(8_192, 7)), "damaged"],
    [
      "is of a newer version",
      () => {
        using db = new Database(database());
        db.run("insert into migrations values ('9999_later', 'x', 1)");
      },
      "newer version",
    ],
    [
      "is not ours",
      () => {
        rmSync(database());
        using db = new Database(database());
        db.run("create table mine (a)");
      },
      "ocp.db",
    ],
  ])("a database that %s", async (_, change, sentence) => {
    await serveOnce();
    for (const rest of ["-wal", "-shm"]) rmSync(`${database()}${rest}`, { force: true });
    change();
    const before = readFileSync(database());
    const { first } = await diagnose("database");
    expect(first).toMatchObject({
      level: "failure",
      message: expect.stringContaining(sentence),
      remedy: { commands: [] },
    });
    expect(readFileSync(database()).equals(before)).toBe(true);
  });

  test("the copy that still holds keys in plain text, until it is gone", async () => {
    await serveOnce();
    const backup = join(data(), "ocp.db.before-4.0-1790000000000.bak");
    writeFileSync(backup, "");
    expect((await diagnose("database")).first).toMatchObject({
      level: "warning",
      remedy: { kind: "remove_backup", human: [expect.stringContaining(`rm ${backup}`)] },
    });
    rmSync(backup);
    expect((await diagnose("database")).first.level).toBe("ok");
  });

  test("a service whose program is gone", async () => {
    await serveOnce();
    const script = join(data(), "start.sh");
    writeFileSync(script, readFileSync(script, "utf8").replace(binary, "/nowhere/ocp"));
    const { first } = await diagnose("service");
    expect(first).toMatchObject({ level: "failure", message: expect.stringContaining("/nowhere/ocp, which is gone") });
  });

  test("a service that cannot be looked at, without saying that it does not run", async () => {
    const unit = join(temp.home, ".config", "systemd", "user", "ocp-proxy.service");
    mkdirSync(dirname(unit), { recursive: true });
    writeFileSync(unit, "");
    expect((await diagnose("service")).first).toMatchObject({
      level: "unknown",
      message: expect.stringContaining("cannot be looked at"),
    });
  });

  test("errors that were logged", async () => {
    mkdirSync(join(data(), "logs"), { recursive: true });
    const line = JSON.stringify({ time: new Date().toISOString(), level: "error", message: "turn failed" });
    writeFileSync(join(data(), "logs", "ocp.log"), `${line}\n${line}\n`);
    const { first } = await diagnose("log");
    expect(first).toMatchObject({ level: "warning", message: "2 errors were logged in the last hour." });
  });

  test("that a check takes too long, and goes on", async () => {
    const hang = { run: () => new Promise<never>(() => {}), platform: "darwin" };
    const context = {
      machine: hang,
      url: "http://127.0.0.1:1",
      health: async () => null,
      build: { version: "4.0.0", target: null },
    };
    const found = await examine(context as unknown as DoctorContext, ["port", "version"], 50);
    expect(found).toEqual([
      { id: "port", level: "unknown", message: "It could not be looked at within 0.05 s." },
      expect.objectContaining({ id: "version", level: "ok" }),
    ]);
  });

  test("that a check fails itself, and goes on", async () => {
    const found = await examine({ execPath: "/nowhere", machine: { now: () => 0 } } as unknown as DoctorContext, [
      "clock",
    ]);
    expect(found).toEqual([{ id: "clock", level: "unknown", message: "It could not be looked at: ENOENT." }]);
  });

  test("a clock that is behind", async () => {
    const found = await examine({ execPath: import.meta.path, machine: { now: () => 0 } } as unknown as DoctorContext, [
      "clock",
    ]);
    expect(found[0]).toMatchObject({ level: "failure", message: expect.stringContaining("1970-01-01") });
  });
});

describe("what an agent may run puts it right:", () => {
  /** Runs what doctor says, as it stands, in a shell. */
  async function obey(id: string) {
    const { first, next_action } = await diagnose(id);
    expect(first.level).not.toBe("ok");
    expect(next_action.ai_executable).not.toEqual([]);
    expect(next_action.human_required).toEqual([]);
    for (const command of next_action.ai_executable)
      expect(await run(["sh", "-c", command])).toMatchObject({ code: 0 });
    const verified = await run(["sh", "-c", next_action.verify]);
    expect(verified.code).toBe(0);
    expect((await diagnose(id)).first.level).toBe("ok");
    return next_action;
  }

  test("a server that nobody has installed", async () => {
    expect(await obey("port")).toMatchObject({ kind: "install" });
  });

  test("a service that nobody has installed", async () => {
    // Where nothing starts it with the machine, that is left to say; here the crontab does.
    writeFileSync(join(standIns.state, "table"), `@reboot '${join(data(), "start.sh")}' # ocp\n`);
    expect(await obey("service")).toMatchObject({ kind: "install" });
  });

  test("a service that does not run", async () => {
    await ocp(["install", "--yes"]);
    await ocp(["stop"]);
    expect(await obey("service")).toMatchObject({ kind: "start" });
    await ocp(["stop"]);
    expect(await obey("port")).toMatchObject({ kind: "start" });
  });

  test("a service whose program is gone", async () => {
    await ocp(["install", "--yes"]);
    await ocp(["stop"]);
    const script = join(data(), "start.sh");
    writeFileSync(script, readFileSync(script, "utf8").replace(binary, "/nowhere/ocp"));
    expect(await obey("service")).toMatchObject({ kind: "fix_service" });
  });

  test("an admin key that others can read", async () => {
    await serveOnce();
    chmodSync(join(data(), "admin-key"), 0o644);
    expect(await obey("exposure")).toMatchObject({ kind: "fix_modes" });
  });

  test("a database that others can read", async () => {
    await serveOnce();
    chmodSync(data(), 0o755);
    chmodSync(database(), 0o644);
    expect(await obey("database")).toMatchObject({ kind: "fix_modes" });
  });

  test("answers of the model that others can read", async () => {
    await serveOnce();
    writeFileSync(join(data(), "sessions.db"), "", { mode: 0o644 });
    expect(await obey("database")).toMatchObject({ kind: "fix_modes" });
    expect((await diagnose("database")).first).toMatchObject({
      level: "ok",
      message: expect.stringContaining("OCP_SESSION_KEEP"),
      evidence: { answers: join(data(), "sessions.db") },
    });
  });

  test("an OpenClaw that is out of step", async () => {
    mkdirSync(join(temp.home, ".openclaw"));
    writeFileSync(join(temp.home, ".openclaw", "openclaw.json"), "{}");
    expect(await obey("openclaw")).toMatchObject({ kind: "sync_openclaw" });
  });
});
