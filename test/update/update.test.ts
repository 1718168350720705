/** `ocp update`, from one real release to another, with everything that can go wrong between. */

import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createReleaseServer } from "../../src/update/server.ts";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { withOwnMounts } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { processesAtHome, waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { createStandIns, crontab, type StandIns } from "../service/stand-in.ts";
import { makeReleases, type Releases, target } from "./releases.ts";

let shared: Temp;
let releases: Releases;
let older: string;
beforeAll(async () => {
  shared = await createTemp();
  releases = makeReleases(shared.path);
  older = join(shared.path, "ocp-4.1.0");
  writeFileSync(older, gunzipSync(readFileSync(join(releases.directory, "4.1.0", `ocp-${target}.gz`))), {
    mode: 0o755,
  });
}, 60_000);
afterAll(async () => {
  releases[Symbol.dispose]();
  await shared.remove();
});

let temp: Temp;
let standIns: StandIns;
let port: number;
let binary: string;
beforeEach(async () => {
  temp = await createTemp();
  standIns = createStandIns(temp.path, { systemctl: "exit 1", crontab });
  using free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  port = free.port as number;
  mkdirSync(join(temp.home, "bin"));
  binary = join(temp.home, "bin", "ocp");
  copyFileSync(older, binary);
});
afterEach(async () => {
  releases.reset();
  for (const { pid } of processesAtHome(temp.home)) process.kill(pid, "SIGKILL");
  await waitUntilNobodyAtHome(temp.home);
  await temp.remove();
});

async function ocp(args: string[], extra: Record<string, string | undefined> = {}, program = binary) {
  const env = testEnv(temp.home, {
    PATH: `${standIns.bin}:/usr/bin:/bin`,
    CLAUDE_BIN: claudeBinary(),
    CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-secret",
    ...extra,
  });
  const child = Bun.spawn([program, ...args], { env, cwd: temp.path, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(stdout + stderr).not.toContain("sk-ant-oat01-secret");
  return { code, stdout, stderr };
}

const data = () => join(temp.home, ".ocp");
const versionOf = (file = binary) => Bun.spawnSync([file, "--version"]).stdout.toString().trim();
const running = async () =>
  ((await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { version: string }).version;
const snapshots = () => readdirSync(data()).filter((name) => name.startsWith("upgrade-snapshot-"));
/** What an update that has ended leaves nowhere. */
const leftovers = () => [
  ...readdirSync(join(temp.home, "bin")).filter((name) => name !== "ocp"),
  ...readdirSync(data()).filter((name) => /update\.|\.part$|\.new$|restoring/.test(name)),
  ...readdirSync(join(temp.home, "tmp")).filter((name) => name.startsWith("ocp-")),
];

async function installService() {
  expect(await ocp(["install", "--port", String(port)])).toMatchObject({ code: 0 });
  expect((await ocp(["keys", "add", "laptop"])).code).toBe(0);
}

describe("ocp update", () => {
  test("replaces the binary and has the service run it, with a snapshot that leads back", async () => {
    await installService();
    expect(await running()).toBe("4.1.0");
    const check = await ocp(["update", "--check", "--json"]);
    expect(check.code).toBe(10);
    expect(JSON.parse(check.stdout)).toEqual({
      current: "4.1.0",
      latest: "4.2.0",
      available: true,
      listDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      problem: null,
    });
    const plan = await ocp(["update", "--dry-run"]);
    expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining("Nothing was changed") });
    expect(snapshots()).toEqual([]);
    expect(await ocp(["update"])).toMatchObject({ code: 2, stderr: expect.stringContaining("say --yes") });
    expect(versionOf()).toBe("4.1.0");

    const done = await ocp(["update", "--yes"]);
    expect(done).toMatchObject({ code: 0, stdout: "OCP 4.2.0 is installed.\n" });
    expect([versionOf(), await running()]).toEqual(["4.2.0", "4.2.0"]);
    expect((await ocp(["keys"])).stdout).toContain("laptop");
    expect(leftovers()).toEqual([]);
    const [snapshot = ""] = snapshots();
    const directory = join(data(), snapshot);
    expect(readdirSync(directory).sort()).toEqual(["ocp", "ocp.db", "service.env", "snapshot.json"]);
    for (const name of ["ocp.db", "service.env", "snapshot.json"])
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(versionOf(join(directory, "ocp"))).toBe("4.1.0");
    expect(await ocp(["update", "--yes"])).toMatchObject({ code: 0, stdout: "OCP 4.2.0 is the newest.\n" });
    expect((await ocp(["update", "--check"])).code).toBe(0);

    const list = await ocp(["update", "--rollback", "--list"]);
    expect(list.stdout).toMatch(new RegExp(`^${snapshot} +4\\.1\\.0 +4\\.2\\.0 `, "m"));
    expect((await ocp(["update", "--rollback", "--dry-run"])).stdout).toContain("Nothing was changed");
    expect(versionOf()).toBe("4.2.0");
    expect(await ocp(["update", "--rollback", "--yes"])).toMatchObject({
      code: 0,
      stdout: "OCP 4.1.0 is installed again.\n",
    });
    expect([versionOf(), await running()]).toEqual(["4.1.0", "4.1.0"]);
    expect((await ocp(["keys"])).stdout).toContain("laptop");
    expect(leftovers()).toEqual([]);
  }, 60_000);

  test("keeps links to it, and works without a service", async () => {
    const link = join(temp.home, "ocp-link");
    symlinkSync(binary, link);
    expect(await ocp(["update", "--yes"], {}, link)).toMatchObject({ code: 0 });
    expect(realpathSync(link)).toBe(binary);
    expect(versionOf(link)).toBe("4.2.0");
  }, 30_000);

  test("goes back by itself from a version that cannot serve here, and the database with it", async () => {
    await installService();
    const database = join(data(), "ocp.db");
    // Passes its own test, and writes to the database before it fails, as a new version's migration would.
    const crash = `#!${process.execPath}
      const { Database } = require("bun:sqlite");
      const [command] = process.argv.slice(2);
      if (command === "--version") console.log("4.3.0");
      if (command !== "serve") process.exit(0);
      new Database(process.env.HOME + "/.ocp/ocp.db").run("pragma user_version = 99");
      console.error("this version is broken");
      process.exit(1);`;
    releases.add("4.3.0", crash);
    const { code, stdout, stderr } = await ocp(["update", "--yes"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(
      "4.3.0 was installed and did not answer, so 4.1.0 runs again. It said: this version is broken",
    );
    expect([versionOf(), await running()]).toEqual(["4.1.0", "4.1.0"]);
    expect((await ocp(["keys"])).stdout).toContain("laptop");
    using db = new Database(database, { readonly: true });
    expect(db.query("pragma user_version").get()).not.toEqual({ user_version: 99 });
    expect(leftovers()).toEqual([]);
  }, 60_000);

  test.each([
    ["does not run", "exit 1", "does not run on this machine"],
    ["is another than was promised", "echo 9.9.9", 'it says that it is "9.9.9"'],
    [
      "crashes when it serves",
      '[ "$1" = --version ] && { echo VERSION; exit; }; echo "out of order" >&2; exit 1',
      "does not serve on this machine: out of order",
    ],
  ])("changes nothing for a version that %s", async (_, body, sentence) => {
    const version = "5.0.0";
    releases.add(version, `#!/bin/sh\n${body.replace("VERSION", version)}\n`);
    const { code, stderr } = await ocp(["update", "--yes", "--target", version]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
    expect(versionOf()).toBe("4.1.0");
    expect([...snapshots(), ...leftovers()]).toEqual([]);
  });

  test.each([
    ["cut", "cut off after"],
    ["other-bytes", "Nothing was changed"],
    ["gone", "answered 410"],
  ] as const)("changes nothing when the download is %s", async (fault, sentence) => {
    releases.fault = fault;
    const { code, stderr } = await ocp(["update", "--yes", "--target", "4.2.0"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
    expect(versionOf()).toBe("4.1.0");
    expect(leftovers()).toEqual([]);
  });

  test("gives a download up that stands still", async () => {
    const manifest = JSON.parse(readFileSync(join(releases.directory, "manifest.json"), "utf8"));
    const { assets } = manifest.releases.find(({ version }: { version: string }) => version === "4.2.0");
    const server = createReleaseServer({ url: releases.url, key: "", stallAfter: 2_000 });
    releases.fault = "stall";
    expect(server.download(assets[target], join(temp.path, "file"))).rejects.toThrow("stands still");
  });

  test.each([
    ["is changed", "manifest.json", (text: string) => text.replace("4.2.0", "4.2.1"), "not signed by the key"],
    ["has another signature", "manifest.json.sig", () => Buffer.alloc(64).toString("base64"), "not signed by the key"],
    ["has no signature", "manifest.json.sig", () => "", "not signed by the key"],
  ])("trusts no list of releases that %s", async (_, file, change, sentence) => {
    releases.tamper(file, change);
    const results = [await ocp(["update", "--yes"]), await ocp(["update", "--check"])];
    for (const { code, stderr } of results)
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(sentence) });
    expect(versionOf()).toBe("4.1.0");
  });

  test("lets another server be named, and says when it is none", async () => {
    const check = (url: string) => ocp(["update", "--check"], { OCP_UPDATE_URL: url });
    expect((await check(releases.url.replace("/mirror", ""))).code).toBe(10);
    expect((await check("http://127.0.0.1:1")).stderr).toContain("cannot be reached");
    expect((await check(`${releases.url}/nothing`)).stderr).toContain("answered 404");
    expect(await check("file:///etc")).toMatchObject({ code: 1, stderr: expect.stringContaining("http or https") });
  });

  test("goes to an older version when that is named", async () => {
    expect(await ocp(["update", "--target", "v4.2.0", "--yes"])).toMatchObject({ code: 0 });
    expect(await ocp(["update", "--target", "4.1.0", "--yes"])).toMatchObject({ code: 0 });
    expect(versionOf()).toBe("4.1.0");
    expect((await ocp(["update", "--target", "1.2.3", "--yes"])).stderr).toContain(
      "There is no release 1.2.3. There are: ",
    );
  }, 30_000);

  test("is refused where the file may not be replaced, from the source, and by a build that is no release", async () => {
    const source = await ocp(["update", "--yes"], {}, ocpCommand("binary")[0]);
    expect(source).toMatchObject({ code: 1, stderr: expect.stringContaining("is no release") });
    expect(await ocp(["update", "--list"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("go with --rollback"),
    });
    expect(await ocp(["update", "--rollback", "--check"])).toMatchObject({ code: 2 });
    expect((await ocp(["update", "--rollback", "--yes"])).stderr).toContain("nothing to go back to");
    expect((await ocp(["update", "--rollback", "--snapshot", "x", "--yes"])).stderr).toContain("no snapshot x");
  });

  test("runs once at a time; a lock of one that has died is nobody's", async () => {
    mkdirSync(data(), { mode: 0o700 });
    writeFileSync(join(data(), "update.lock"), `${process.pid}\n`);
    expect(await ocp(["update", "--yes"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Another `ocp update`"),
    });
    writeFileSync(join(data(), "update.lock"), "999999999\n");
    expect(await ocp(["update", "--yes"])).toMatchObject({ code: 0 });
  }, 30_000);

  needs("mount namespaces").test("changes nothing when there is too little room", async () => {
    const small = join(temp.path, "small");
    mkdirSync(small);
    const script = `mount -t tmpfs -o size=160m tmpfs '${small}' && cp '${binary}' '${small}/ocp' && { '${small}/ocp' update --yes; echo "code $?"; '${small}/ocp' --version; ls -A '${small}'; }`;
    const [unshare = "", ...options] = withOwnMounts;
    const { stdout, stderr } = await ocp([...options, "sh", "-c", script], {}, unshare);
    expect(stdout).toBe("code 1\n4.1.0\nocp\n");
    expect(stderr).toMatch(/too little room in .*small: \d+ MB more are needed/);
  });

  test("keeps the newest five snapshots, by the time that is in them", async () => {
    mkdirSync(data(), { mode: 0o700 });
    for (let each = 0; each < 7; each++) {
      const directory = join(data(), `upgrade-snapshot-${9 - each}`);
      mkdirSync(directory);
      copyFileSync("/bin/true", join(directory, "ocp"));
      writeFileSync(
        join(directory, "snapshot.json"),
        JSON.stringify({ from: "4.0.0", to: "4.1.0", createdAt: new Date(each * 1e9).toISOString(), schema: null }),
      );
    }
    expect(await ocp(["update", "--yes"])).toMatchObject({ code: 0 });
    expect(snapshots()).toHaveLength(5);
    expect(snapshots()).not.toContain("upgrade-snapshot-9");
    expect(snapshots()).toContain("upgrade-snapshot-3");
  }, 30_000);
});

describe("an update that is killed", () => {
  const steps = ["download", "self-test", "snapshot", "marker", "swap", "restart", "end"];

  test.each(steps)(
    "after %s leaves a version that runs, and the next one ends it",
    async (step) => {
      await installService();
      const killed = await ocp(["update", "--yes"], { OCP_TEST_STOP_AFTER: step });
      expect(killed.code).toBe(137);
      expect(["4.1.0", "4.2.0"]).toContain(versionOf());
      // A restart may be under way.
      const seen = await waitUntil("it answers", () => running().catch(() => false as const));
      expect(["4.1.0", "4.2.0"]).toContain(seen);
      expect(await ocp(["restart"])).toMatchObject({ code: 0 });
      expect(await running()).toBe(versionOf());
      expect((await ocp(["keys"])).stdout).toContain("laptop");

      expect(await ocp(["update", "--yes"])).toMatchObject({ code: 0 });
      expect([versionOf(), await running()]).toEqual(["4.2.0", "4.2.0"]);
      expect((await ocp(["keys"])).stdout).toContain("laptop");
      // The lock of one that has died is nobody's.
      expect(leftovers().filter((name) => name !== "update.lock")).toEqual([]);
    },
    60_000,
  );

  /** Runs what doctor gives an agent, as it stands. */
  async function obey(id: string) {
    const before = JSON.parse((await ocp(["doctor", "--json", "--check", id])).stdout);
    expect(before.checks[0].level).not.toBe("ok");
    const [command = ""] = before.next_action.ai_executable as string[];
    expect(await ocp(["-c", command], {}, "/bin/sh")).toMatchObject({ code: 0 });
    expect(JSON.parse((await ocp(["doctor", "--json", "--check", id])).stdout).checks[0].level).toBe("ok");
    return before.next_action.kind as string;
  }

  test("is put right by what doctor says", async () => {
    await installService();
    await ocp(["update", "--yes"], { OCP_TEST_STOP_AFTER: "swap" });
    expect([versionOf(), await running()]).toEqual(["4.2.0", "4.1.0"]);
    await ocp(["install", "--yes"], { OCP_TEST_STOP_AFTER: undefined });
    await ocp(["stop"]);
    expect(await obey("update")).toBe("update");
  }, 60_000);

  test("leaves a service of the older version, and one newer to be had, of which doctor says so", async () => {
    expect(await obey("update")).toBe("update");
    expect(versionOf()).toBe("4.2.0");
    copyFileSync(older, `${binary}.old`);
    await ocp(["install", "--yes", "--port", String(port)], {}, `${binary}.old`);
    renameSync(binary, `${binary}.new`);
    renameSync(`${binary}.new`, `${binary}.old`);
    expect(await ocp(["doctor", "--check", "service"], {}, `${binary}.old`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("runs OCP 4.1.0; this is 4.2.0"),
    });
    binary = `${binary}.old`;
    expect(await obey("service")).toBe("restart");
    expect(await running()).toBe("4.2.0");
  }, 60_000);

  test.each(["back-marker", "back-swap", "back-end"])(
    "on its way back after %s leaves one too",
    async (step) => {
      await installService();
      expect(await ocp(["update", "--yes"])).toMatchObject({ code: 0 });
      const killed = await ocp(["update", "--rollback", "--yes"], { OCP_TEST_STOP_AFTER: step });
      expect(killed.code).toBe(137);
      expect(await ocp(["restart"])).toMatchObject({ code: 0 });
      expect(await running()).toBe(versionOf());
      expect((await ocp(["keys"])).stdout).toContain("laptop");
      unlinkSync(join(data(), "update.lock"));
      expect(existsSync(binary)).toBe(true);
    },
    60_000,
  );
});

test("the database of a snapshot comes back whole when going back is killed after it", async () => {
  await installService();
  expect(await ocp(["update", "--yes"])).toMatchObject({ code: 0 });
  await ocp(["stop"]);
  using db = new Database(join(data(), "ocp.db"));
  db.run("pragma user_version = 99");
  db.close();
  await ocp(["update", "--rollback", "--yes"], { OCP_TEST_STOP_AFTER: "back-database" });
  expect(versionOf()).toBe("4.2.0");
  expect(await ocp(["start"])).toMatchObject({ code: 0 });
  expect((await ocp(["keys"])).stdout).toContain("laptop");
}, 60_000);
