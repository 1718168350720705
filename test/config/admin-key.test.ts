/** The administrator's key: made once, whole, and for its owner alone. */

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { loadAdminKey } from "../../src/config/admin-key.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createTemp } from "../harness/temp.ts";

const secrets = (env: Record<string, string> = {}) => loadConfig(env, {}, { memory: 1e10 });
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

async function inDirectory<T>(use: (directory: string, adminKey: string) => T | Promise<T>): Promise<T> {
  await using temp = await createTemp();
  return await use(temp.home, join(temp.home, "admin-key"));
}

test("is made at the first start, random, in a file of its owner's alone, and is the same at the next", async () => {
  await inDirectory((directory, adminKey) => {
    const before = readdirSync(directory);
    const first = loadAdminKey({ adminKey }, secrets());
    expect(first).toEqual({ secret: expect.stringMatching(/^ocp_admin_[A-Za-z0-9_-]{32}$/), path: adminKey });
    expect(readFileSync(adminKey, "utf8")).toBe(`${first.secret}\n`);
    expect(modeOf(adminKey)).toBe("600");
    expect(readdirSync(directory).sort()).toEqual([...before, "admin-key"].sort());
    expect(loadAdminKey({ adminKey }, secrets())).toEqual(first);
  });
});

test("is what OCP_ADMIN_KEY says, and then no file is made or read", async () => {
  await inDirectory((_, adminKey) => {
    const given = secrets({ OCP_ADMIN_KEY: "mine-and-only-mine" });
    expect(loadAdminKey({ adminKey }, given)).toEqual({ secret: "mine-and-only-mine", path: null });
    expect(existsSync(adminKey)).toBe(false);
  });
});

test("of two first starts at the same time is one", async () => {
  await inDirectory(async (_, adminKey) => {
    const module = join(import.meta.dir, "../../src/config/admin-key.ts");
    const script = `import { loadAdminKey } from ${JSON.stringify(module)};
      console.log(loadAdminKey({ adminKey: ${JSON.stringify(adminKey)} }, {}).secret);`;
    const starts = Array.from({ length: 6 }, () =>
      Bun.spawn([process.execPath, "-e", script], { env: {}, stdout: "pipe" }).stdout.text(),
    );
    const made = new Set(await Promise.all(starts));
    expect([...made]).toEqual([readFileSync(adminKey, "utf8")]);
  });
});

test("of a file that others could read is kept, and the file narrowed", async () => {
  await inDirectory((_, adminKey) => {
    writeFileSync(adminKey, "  written-by-hand \n");
    chmodSync(adminKey, 0o644);
    expect(loadAdminKey({ adminKey }, secrets()).secret).toBe("written-by-hand");
    expect(modeOf(adminKey)).toBe("600");
  });
});

test("takes the place of a link that leads nowhere", async () => {
  await inDirectory((directory, adminKey) => {
    symlinkSync(join(directory, "nothing"), adminKey);
    const { secret } = loadAdminKey({ adminKey }, secrets());
    expect(readFileSync(adminKey, "utf8")).toBe(`${secret}\n`);
  });
});

describe("a file that cannot be used is a sentence with its path, and stays as it is:", () => {
  test.each<[string, (path: string) => void, RegExp]>([
    ["an empty one", (path) => writeFileSync(path, "\n"), /it is empty/],
    ["a directory", (path) => mkdirSync(path), /no file of one line/],
    ["a pipe, which nobody writes to", (path) => Bun.spawnSync(["mkfifo", path]), /no file of one line/],
    ["a large one", (path) => writeFileSync(path, "x".repeat(5_000)), /no file of one line/],
    ["two lines", (path) => writeFileSync(path, "secret-one\nsecret-two\n"), /8 or more printable/],
    ["a short one", (path) => writeFileSync(path, "secret"), /8 or more printable/],
  ])("%s", async (_name, write, why) => {
    await inDirectory((_directory, adminKey) => {
      write(adminKey);
      const refusal = () => loadAdminKey({ adminKey }, secrets());
      expect(refusal).toThrow(why);
      expect(refusal).toThrow(adminKey);
      expect(refusal).toThrow("OCP_ADMIN_KEY");
      expect(refusal).not.toThrow("secret");
    });
  });

  test("one in a directory that is not there", () => {
    expect(() => loadAdminKey({ adminKey: "/nowhere/at/all/admin-key" }, secrets())).toThrow("ENOENT");
  });
});

describe("a key that would stand for two is refused by name:", () => {
  const key = "the-same-key-twice";
  test.each([
    [{ OCP_ADMIN_KEY: key, PROXY_API_KEY: key }, "PROXY_API_KEY and OCP_ADMIN_KEY"],
    [
      { PROXY_ANONYMOUS_KEY: key, PROXY_API_KEY: key, OCP_ADMIN_KEY: "another-one" },
      "PROXY_API_KEY and PROXY_ANONYMOUS_KEY",
    ],
    [{ OCP_METRICS_KEY: key, OCP_ADMIN_KEY: key }, "OCP_METRICS_KEY and OCP_ADMIN_KEY"],
  ])("%j", (env, names) => {
    const refusal = () => loadAdminKey({ adminKey: "/nowhere" }, secrets(env));
    expect(refusal).toThrow(names);
    expect(refusal).not.toThrow(key);
  });

  test("the one in the file", async () => {
    await inDirectory((_, adminKey) => {
      writeFileSync(adminKey, key);
      expect(() => loadAdminKey({ adminKey }, secrets({ PROXY_API_KEY: key }))).toThrow(adminKey);
    });
  });
});
