/** Ended with SIGKILL at any of its system calls that write: each file is the old or the new one, and nothing is lost. */

import { expect } from "bun:test";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { filesOf } from "./machine.ts";
import { plainPath } from "./shell.ts";
import { key, startStandIn } from "./stand-in.ts";

const before: Record<string, string> = {
  ".bashrc": "# mine\n",
  ".config/opencode/opencode.json": '{\n  // mine\n  "theme": "dark"\n}\n',
  ".codex/config.toml": "# mine\n",
  ".continue/config.yaml": "# mine\nname: x\nversion: 0.0.1\nschema: v1\n",
};
/** What changes the disk, as far as it can be seen afterwards. */
const calls = ["rename", "fsync", "fchmodat,chmod,fchmod", "mkdir,mkdirat"];

/** Those of our own are for the command alone. */
const others = (files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith(".config/ocp/")));

needs("strace").test(
  "connect and disconnect survive it",
  async () => {
    await using temp = await createTemp();
    await using server = startStandIn();
    const original = join(temp.path, "original");
    for (const [file, text] of Object.entries(before)) {
      mkdirSync(dirname(join(original, file)), { recursive: true });
      writeFileSync(join(original, file), text);
    }
    const home = join(temp.path, "home");
    const run = async (args: string[], under: string[] = []) => {
      const child = Bun.spawn([...under, ...ocpCommand("binary"), ...args], {
        env: testEnv(home, { SHELL: "/bin/bash", PATH: plainPath }),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      return { killed: child.signalCode === "SIGKILL", code: child.exitCode, stdout };
    };
    const fresh = () => {
      rmSync(home, { recursive: true, force: true });
      cpSync(original, home, { recursive: true });
    };
    const connect = ["connect", server.address, "--key", key, "--no-shell"];
    fresh();
    await run(connect);
    const after = others(filesOf({ home }));
    expect(Object.keys(after).length).toBeGreaterThan(3);

    let kills = 0;
    for (const call of calls) {
      for (let when = 1; ; when++) {
        const killer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `inject=${call}:signal=SIGKILL:when=${when}`];
        fresh();
        const { killed } = await run(connect, killer);
        const now = others(filesOf({ home }));
        for (const [name, text] of Object.entries(now)) {
          if (/\.\d+\.new$/.test(name)) continue;
          expect({ call, when, name, text }).toEqual({
            call,
            when,
            name,
            text: text === before[name] ? (before[name] ?? "") : (after[name] ?? ""),
          });
        }
        if (!killed) break;
        kills++;
        // Then taking back is cut off as well, at the same place, and done again.
        await run(["disconnect"], killer);
        expect(await run(["disconnect"])).toMatchObject({ code: 0 });
        expect({ call, when, files: filesOf({ home }) }).toEqual({ call, when, files: before });
      }
    }
    expect(kills).toBeGreaterThan(10);
  },
  180_000,
);
