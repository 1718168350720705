/** The agent of launchd, against a stand-in for `launchctl`: this machine need not be a Mac. */

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "plist";
import { resolvePaths } from "../../src/config/paths.ts";
import { createRun } from "../../src/service/command.ts";
import { chooseManager, findInstalled, inheritedEnvironment } from "../../src/service/find.ts";
import { plistPath } from "../../src/service/launchd.ts";
import type { ServiceMachine } from "../../src/service/manager.ts";
import { environmentIn, plistText, programIn } from "../../src/service/plist.ts";
import { testEnv } from "../harness/env.ts";
import { createTemp } from "../harness/temp.ts";
import { createStandIns, launchctl } from "./stand-in.ts";

async function mac(programs: Record<string, string> = { launchctl }) {
  const temp = await createTemp();
  const standIns = createStandIns(temp.path, programs);
  const environment = testEnv(temp.home, { PATH: `${standIns.bin}:/usr/bin:/bin` });
  const paths = resolvePaths(environment);
  mkdirSync(paths.data);
  const machine: ServiceMachine = {
    platform: "darwin",
    uid: 501,
    home: temp.home,
    environment,
    systemUnits: paths.systemUnits,
    run: createRun(environment),
    now: () => 1_790_000_000_000,
  };
  return {
    temp,
    standIns,
    paths,
    machine,
    file: plistPath(machine),
    manager: await chooseManager(machine, paths, null),
  };
}

const spec = { program: "/usr/local/bin/ocp", cron: false };
const read = (file: string) => parse(readFileSync(file, "utf8")) as any;

describe("launchd", () => {
  test("gets a list that parses, readable by its owner only, with the environment of the file", async () => {
    const { temp, paths, file, manager } = await mac();
    await using _ = temp;
    writeFileSync(paths.serviceEnv, "CLAUDE_PROXY_PORT='4000'\nODD='<&>\"$x'\n");
    const { done } = await manager.install({ ...spec, program: "/a & b/ocp" });
    expect(done).toEqual([`Wrote ${file}.`]);
    expect(read(file)).toMatchObject({
      Label: "dev.ocp.proxy",
      ProgramArguments: ["/a & b/ocp", "serve"],
      EnvironmentVariables: { CLAUDE_PROXY_PORT: "4000", ODD: '<&>"$x' },
      RunAtLoad: true,
      KeepAlive: true,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(programIn(readFileSync(file, "utf8"))).toBe("/a & b/ocp");
    expect((await manager.install({ ...spec, program: "/a & b/ocp" })).done).toEqual([]);
  });

  test("is told to forget and to read anew at a restart, until it does, with the environment as it is then", async () => {
    const { temp, paths, standIns, file, manager } = await mac();
    await using _ = temp;
    await manager.install(spec);
    await manager.start();
    expect(await manager.state()).toMatchObject({ installed: true, enabled: true, running: true, pid: 4321 });
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace("<dict>\n  </dict>", "<dict>\n<key>MINE</key><string>1</string></dict>"));
    writeFileSync(paths.serviceEnv, "CLAUDE_BIND='0.0.0.0'\n");
    await manager.restart();
    const { EnvironmentVariables } = read(join(standIns.state, "dev.ocp.proxy"));
    expect(EnvironmentVariables).toEqual({ MINE: "1", CLAUDE_BIND: "0.0.0.0" });
    expect(
      standIns
        .calls()
        .filter((call) => / boot/.test(call))
        .map((call) => call.split(" ")[1]),
    ).toEqual(["bootstrap", "bootout", "bootstrap", "bootstrap"]);
  });

  test("stops, and keeps nothing after an uninstallation", async () => {
    const { temp, paths, machine, file, manager } = await mac();
    await using _ = temp;
    await manager.install(spec);
    await manager.restart();
    await manager.stop();
    expect(await manager.state()).toMatchObject({ installed: true, enabled: false, running: false, pid: null });
    await manager.start();
    expect(await manager.uninstall()).toEqual([`Stopped the service and removed ${file}.`]);
    expect(existsSync(file)).toBe(false);
    expect(await manager.state()).toMatchObject({ installed: false, running: false });
    expect(findInstalled(machine, paths)).toBeNull();
    expect(await manager.uninstall()).toEqual([]);
  });

  test("has the agents of older versions stopped, their settings carried over and a copy kept", async () => {
    const { temp, paths, machine, standIns, file, manager } = await mac();
    await using _ = temp;
    const older = join(dirname(file), "ai.openclaw.proxy.plist");
    mkdirSync(dirname(file), { recursive: true });
    const environment = { CLAUDE_BIND: "0.0.0.0", OCP_ADMIN_KEY: "an-admin-key", NODE_ENV: "production" };
    const text = plistText({ label: "x", program: "/x/server.mjs", environment, output: "/dev/null" });
    writeFileSync(file, text);
    writeFileSync(older, text.replace("0.0.0.0", "::"));
    for (const name of ["dev.ocp.proxy", "ai.openclaw.proxy"]) writeFileSync(join(standIns.state, name), "");
    expect(inheritedEnvironment(machine)).toEqual({ CLAUDE_BIND: "0.0.0.0", OCP_ADMIN_KEY: "an-admin-key" });
    const { done } = await manager.install(spec);
    expect(done.join(" ")).toContain("ai.openclaw.proxy.plist");
    expect(existsSync(older)).toBe(false);
    expect(existsSync(join(standIns.state, "dev.ocp.proxy"))).toBe(false);
    expect(environmentIn(readFileSync(file, "utf8"))).toEqual({});
    const backup = join(paths.data, "replaced", "dev.ocp.proxy.plist.1790000000000");
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    expect(readFileSync(backup, "utf8")).toBe(text);
  });

  test("that refuses is quoted", async () => {
    const { temp, manager } = await mac({
      launchctl: '[ "$1" = print ] && exit 113; echo "Operation not permitted" >&2; exit 1',
    });
    await using _ = temp;
    await manager.install(spec);
    expect(manager.restart()).rejects.toThrow(/launchctl bootstrap gui\/501 .*Operation not permitted/);
  }, 15_000);

  test("that is not there leaves it unknown whether the service runs", async () => {
    const { temp, manager } = await mac({});
    await using _ = temp;
    expect(await manager.state()).toMatchObject({ installed: false, enabled: null, running: null, pid: null });
    expect((await manager.state()).problem).not.toBeNull();
  });
});
