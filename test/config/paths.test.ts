/** Where files lie, and that a test never reaches the real ones. */

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDirectories, resolvePaths } from "../../src/config/paths.ts";
import { createTemp } from "../harness/temp.ts";

test("everything lies under HOME", () => {
  expect(resolvePaths({ HOME: "/home/someone" }, () => "/home/other")).toEqual({
    home: "/home/someone",
    data: "/home/someone/.ocp",
    logs: "/home/someone/.ocp/logs",
    adminKey: "/home/someone/.ocp/admin-key",
    serviceEnv: "/home/someone/.ocp/service.env",
    systemUnits: "/etc/systemd/system",
    spawnHome: "/home/someone/.ocp/spawn-home",
    terminal: "/home/someone/.ocp/tui",
    claudeConfig: "/home/someone/.claude",
  });
});

test("the CLI's own variable moves its configuration", () => {
  expect(resolvePaths({ HOME: "/h", CLAUDE_CONFIG_DIR: "/c" }, () => "/r").claudeConfig).toBe("/c");
});

test.each([{}, { HOME: "" }, { HOME: "relative/home" }])("%j is refused: HOME must be absolute", (env) => {
  expect(() => resolvePaths(env, () => "/r")).toThrow("HOME must be set");
});

describe("under NODE_ENV=test", () => {
  test("the real home is refused, also behind a symbolic link", async () => {
    await using temp = await createTemp();
    const link = join(temp.path, "link");
    symlinkSync(temp.home, link);
    for (const home of [temp.home, `${temp.home}/`, link]) {
      expect(() => resolvePaths({ HOME: home, NODE_ENV: "test" }, () => temp.home)).toThrow("real home");
    }
  });

  test("another home is fine, and the data directory can be moved", () => {
    expect(resolvePaths({ HOME: "/h", NODE_ENV: "test", OCP_DIR_OVERRIDE: "/d" }, () => "/r").data).toBe("/d");
  });
});

test("without it the real home is fine, and nothing moves the data directory", () => {
  expect(resolvePaths({ HOME: "/r", OCP_DIR_OVERRIDE: "/d" }, () => "/r").data).toBe("/r/.ocp");
});

describe("the directories", () => {
  test("are their owner's alone, also when they were there before", async () => {
    await using temp = await createTemp();
    const paths = resolvePaths({ HOME: temp.home }, () => "/r");
    expect(existsSync(paths.data)).toBe(false);
    mkdirSync(paths.data);
    chmodSync(paths.data, 0o755);
    createDirectories(paths);
    for (const path of [paths.data, paths.spawnHome]) expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test("that cannot be made are one sentence without a path", async () => {
    await using temp = await createTemp();
    writeFileSync(join(temp.home, ".ocp"), "a file");
    const paths = resolvePaths({ HOME: temp.home }, () => "/r");
    expect(() => createDirectories(paths)).toThrow(
      /^The directory \.ocp in your home directory cannot be made \(E\w+\)\.$/,
    );
  });
});

test("the real home is the one in the user database, whatever HOME says", async () => {
  await using temp = await createTemp();
  const script = `import { resolvePaths } from "${join(import.meta.dir, "../../src/config/paths.ts")}"; console.log(resolvePaths(process.env).data);`;
  const owner = Bun.spawnSync(["sh", "-c", 'eval "echo ~$(id -un)"']).stdout.toString().trim();
  const run = (HOME: string) =>
    Bun.spawnSync([process.execPath, "-e", script], { cwd: temp.path, env: { HOME, NODE_ENV: "test" } });
  expect(run(temp.home).stdout.toString()).toBe(`${temp.home}/.ocp\n`);
  expect(run(owner).stdout.toString()).toBe("");
  expect(run(owner).stderr.toString()).toContain("real home");
});
