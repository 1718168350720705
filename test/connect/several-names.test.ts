/** A file that has several names, or that cannot be replaced, is written in place: it stays one file, and nothing is lost. */

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { withOwnMounts } from "../harness/namespace.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { createUser, plainPath } from "./shell.ts";
import { key, startStandIn } from "./stand-in.ts";

/** One file a format, and what is in it before. */
const files: Record<string, string> = {
  ".bashrc": "# mine\n",
  ".zshrc": "# mine too\n",
  ".config/opencode/opencode.json": '{\n  // mine\n  "theme": "dark"\n}\n',
  ".codex/config.toml": "# mine\n",
  ".continue/config.yaml": "# mine\nname: x\nversion: 0.0.1\nschema: v1\n",
  ".openclaw/openclaw.json": "{ models: { mode: 'merge' } }\n",
};
const twinOf = (home: string, file: string) => join(home, "dotfiles", file.replaceAll("/", "-"));

/** Writes the files, each under a second name. */
function putTwins(home: string): void {
  mkdirSync(join(home, "dotfiles"), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), text, { mode: 0o640 });
    chmodSync(join(home, file), 0o640);
    linkSync(join(home, file), twinOf(home, file));
  }
}

const inodeOf = (path: string) => statSync(path).ino;
/** What ended writes may leave beside a file. */
const scraps = (home: string) =>
  readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) => /\.\d+\.(new|journal)$/.test(name));

describe("ocp connect and disconnect", () => {
  test.each(["hard links", "symbolic links to hard links"])("keep %s together, with their mode", async (kind) => {
    await using user = await createUser("binary");
    await using server = startStandIn();
    putTwins(user.home);
    if (kind !== "hard links") {
      for (const file of Object.keys(files)) {
        linkSync(twinOf(user.home, file), `${twinOf(user.home, file)}.2`);
        rmSync(join(user.home, file));
        symlinkSync(twinOf(user.home, file), join(user.home, file));
      }
    }
    const inodes = Object.keys(files).map((file) => inodeOf(join(user.home, file)));
    const same = () => Object.keys(files).map((file) => inodeOf(twinOf(user.home, file)));
    expect((await user.run(["connect", server.address, "--key", key])).code).toBe(0);
    expect(same()).toEqual(inodes);
    for (const [file, text] of Object.entries(files)) {
      const now = readFileSync(join(user.home, file), "utf8");
      expect(now).not.toBe(text);
      expect(readFileSync(twinOf(user.home, file), "utf8")).toBe(now);
      const holdsKey = now.includes(key);
      expect({ file, mode: statSync(join(user.home, file)).mode & 0o777 }).toEqual({
        file,
        mode: holdsKey ? 0o600 : 0o640,
      });
      expect(lstatSync(join(user.home, file)).isSymbolicLink()).toBe(kind !== "hard links");
    }
    expect((await user.run(["disconnect"])).code).toBe(0);
    expect(same()).toEqual(inodes);
    for (const [file, text] of Object.entries(files)) {
      expect(readFileSync(twinOf(user.home, file), "utf8")).toBe(text);
      expect(statSync(join(user.home, file)).mode & 0o777).toBe(0o640);
    }
    expect(scraps(user.home)).toEqual([]);
  });

  needs("mount namespaces").test("write a file in place that is mounted by itself", async () => {
    await using user = await createUser("binary");
    await using server = startStandIn();
    user.put(".bashrc", "# mine\n");
    const inode = inodeOf(join(user.home, ".bashrc"));
    const mounted = 'mount --bind "$HOME/.bashrc" "$HOME/.bashrc" && exec "$@"';
    const run = async (args: string[]) => {
      const child = Bun.spawn([...withOwnMounts, "sh", "-c", mounted, "sh", ...ocpCommand("binary"), ...args], {
        env: testEnv(user.home, { SHELL: "/bin/bash", PATH: plainPath }),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { code, said: stdout + stderr };
    };
    expect(await run(["connect", server.address, "--key", key, "--only", "shell"])).toMatchObject({ code: 0 });
    expect(readFileSync(join(user.home, ".bashrc"), "utf8")).toContain("# added by ocp connect");
    expect(inodeOf(join(user.home, ".bashrc"))).toBe(inode);
    expect(await run(["disconnect"])).toMatchObject({ code: 0 });
    expect(readFileSync(join(user.home, ".bashrc"), "utf8")).toBe("# mine\n");
    expect(inodeOf(join(user.home, ".bashrc"))).toBe(inode);
    expect(scraps(user.home)).toEqual([]);
  });
});

test("ocp openclaw sync and plugin keep hard links together", async () => {
  await using user = await createUser("binary");
  putTwins(user.home);
  const file = join(user.home, ".openclaw/openclaw.json");
  const inode = inodeOf(file);
  for (const command of [["sync"], ["plugin", "install"], ["plugin", "remove"]]) {
    expect((await user.run(["openclaw", ...command])).code).toBe(0);
    expect(inodeOf(file)).toBe(inode);
    expect(readFileSync(twinOf(user.home, ".openclaw/openclaw.json"), "utf8")).toBe(readFileSync(file, "utf8"));
  }
  expect(readFileSync(file, "utf8")).toContain("claude-local");
});

test.each(["a hard link", "a symbolic link"])(
  "ocp install keeps the service's settings together with %s",
  async (kind) => {
    await using user = await createUser("binary");
    const [settings, twin] = [join(user.home, ".ocp/service.env"), join(user.home, "ocp.env")];
    mkdirSync(dirname(settings));
    writeFileSync(twin, "# mine\nTZ='UTC'\n", { mode: 0o600 });
    if (kind === "a hard link") linkSync(twin, settings);
    else symlinkSync(twin, settings);
    const install = ["install", "--no-start", "--program", "/bin/true", "--port", "4321"];
    // Without a manager of services, so that none of this machine's own is touched.
    const { code, stderr } = await user.run(install, { PATH: "/nonexistent", OCP_SKIP_AUTH_TEST: "1" });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readFileSync(twin, "utf8")).toStartWith("# mine\nTZ='UTC'\n");
    expect(readFileSync(twin, "utf8")).toContain("CLAUDE_PROXY_PORT='4321'");
    expect(inodeOf(settings)).toBe(inodeOf(twin));
    expect(lstatSync(settings).isSymbolicLink()).toBe(kind !== "a hard link");
  },
);

/** What changes the disk, as far as it can be seen afterwards. */
const calls = ["rename", "pwrite64,write", "ftruncate", "fsync", "fchmod", "unlink,unlinkat"];

needs("strace").test(
  "a write in place that is ended with SIGKILL is finished or forgotten by the next command, and all comes back",
  async () => {
    await using temp = await createTemp();
    await using server = startStandIn();
    const { home } = temp;
    const run = async (args: string[], under: string[] = []) => {
      const child = Bun.spawn([...under, ...ocpCommand("binary"), ...args], {
        env: testEnv(home, { SHELL: "/bin/bash", PATH: plainPath }),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      return { killed: child.signalCode === "SIGKILL", code: child.exitCode };
    };
    const path = join(home, ".config/opencode/opencode.json");
    const fresh = () => {
      rmSync(home, { recursive: true, force: true });
      mkdirSync(join(home, "tmp"), { recursive: true });
      putTwins(home);
    };
    let kills = 0;
    let between = 0;
    for (const call of calls) {
      for (let when = 1; when < 200; when++) {
        // Of the calls on this file, on what lies beside it, and on the record.
        const killer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `inject=${call}:signal=SIGKILL:when=${when}`];
        fresh();
        await run(["connect", server.address, "--key", key, "--only", "opencode"]);
        const connected = readFileSync(path, "utf8");
        const { killed } = await run(["disconnect"], killer);
        if (!killed) break;
        kills++;
        const now = readFileSync(path, "utf8");
        if (now !== connected && now !== files[".config/opencode/opencode.json"]) between++;
        expect(await run(["disconnect"])).toMatchObject({ code: 0 });
        for (const [file, text] of Object.entries(files)) {
          expect({ call, when, file, text: readFileSync(join(home, file), "utf8") }).toEqual({
            call,
            when,
            file,
            text,
          });
          expect(inodeOf(join(home, file))).toBe(inodeOf(twinOf(home, file)));
        }
        expect({ call, when, scraps: scraps(home) }).toEqual({ call, when, scraps: [] });
      }
    }
    expect(kills).toBeGreaterThan(6);
    // The moment that matters was among them.
    expect(between).toBeGreaterThan(0);
  },
  180_000,
);
