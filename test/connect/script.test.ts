/** `curl -fsSL http://<server>/connect | sh`: a machine without ocp, pointed to the server and back. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { type Ocp, ocpCommand, startOcp, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { root } from "../imports.ts";
import { filesOf } from "./machine.ts";
import { plainPath } from "./shell.ts";

const key = "ocp_script_0123456789'x";

describe.each(targets())("GET /connect (%s)", (target) => {
  let simulator: Simulator;
  let ocp: Ocp;
  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator, env: { CLAUDE_AUTH_MODE: "shared", PROXY_API_KEY: key } });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  test("is a script that knows by which address it was asked, and no key", async () => {
    const response = await fetch(`${ocp.url}/connect`);
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("text/x-shellscript; charset=utf-8");
    expect(text).toContain(`\nserver='${ocp.url}'\n`);
    expect(text).toContain("\nrelease_url=''\n");
    expect(text).not.toContain("ocp_script");
    const tls = await fetch(`${ocp.url}/connect`, { headers: { "x-forwarded-proto": "https" } });
    expect(await tls.text()).toContain(`\nserver='${ocp.url.replace("http", "https")}'\n`);
  });

  test.each(["x';id;'", "a b", "$(id)", "x/../y", "'"])("gives nothing to whoever calls it %j", async (host) => {
    const response = await fetch(`${ocp.url}/connect`, { headers: { host } });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await response.text()).not.toContain("#!/bin/sh");
  });

  for (const [shell, needing] of [
    [["sh"], needs("curl")],
    [["bash"], needs("curl", "bash")],
    [["busybox", "sh"], needs("curl", "busybox")],
  ] as const)
    needing.test(
      `${shell.join(" ")} sets the shells up with a key that is typed, once, and takes it back`,
      async () => {
        await using machine = await createMachine(ocp.url);
        machine.put(".bashrc", "# mine");
        machine.put(".zshrc", "# mine\n");
        machine.put(".config/fish/config.fish", "");
        const before = filesOf(machine);
        const first = await machine.pipe(shell, [
          ["The key for", "ocp_wrong"],
          ["The key for", key],
        ]);
        expect(first.code).toBe(0);
        expect(first.screen).toContain("Open a new shell, or source it");
        for (const secret of [key, "ocp_wrong"]) expect(first.screen).not.toContain(secret);
        expect(statSync(join(machine.home, ".config/ocp/env.sh")).mode & 0o777).toBe(0o600);
        const once = filesOf(machine);
        await machine.pipe(shell, [["The key for", key]]);
        expect(filesOf(machine)).toEqual(once);
        expect((await machine.pipe([...shell, "-s", "--", "--undo"], [])).code).toBe(0);
        // A line that lacked its end got one.
        expect(filesOf(machine)).toEqual({ ...before, ".bashrc": "# mine\n" });
      },
    );

  for (const [shell, rc] of [
    ["bash", ".bashrc"],
    ["zsh", ".zshrc"],
    ["fish", ".config/fish/config.fish"],
  ] as const)
    needs("curl", shell).test(`gives ${shell} the server's URL and the key`, async () => {
      await using machine = await createMachine(ocp.url);
      machine.put(rc, "");
      expect((await machine.pipe(["sh"], [["The key for", key]])).code).toBe(0);
      const script = `source ~/${rc}; printf '%s %s' "$OPENAI_API_KEY" "$OPENAI_BASE_URL"`;
      const told = Bun.spawnSync([shell, "-c", script], { env: { HOME: machine.home, PATH: process.env.PATH ?? "" } });
      expect(told.stdout.toString()).toBe(`${key} ${ocp.url}/v1`);
    });

  needs("curl").test(
    "bytes that are no letters, and a zero byte, are as they were after --undo, or are not touched",
    async () => {
      for (const [bytes, isTaken] of [
        [Buffer.from("# caf\xe9\nexport A=1\n", "latin1"), true],
        [Buffer.from("# no end", "latin1"), true],
        [Buffer.from("# \0 zero\nexport A=1\n", "latin1"), false],
      ] as const) {
        await using machine = await createMachine(ocp.url);
        const file = join(machine.home, ".bashrc");
        writeFileSync(file, bytes);
        await machine.pipe(["sh"], [["The key for", key]]);
        const connected = readFileSync(file);
        expect(connected.subarray(0, bytes.length)).toEqual(bytes);
        const undo = await machine.pipe(["sh", "-s", "--", "--undo"], []);
        const left = readFileSync(file);
        // An awk that takes a zero byte for a letter can do it, and another says that it cannot.
        const end = bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
        expect(undo.code === 0 ? left.equals(end) : !isTaken && left.equals(connected)).toBe(true);
      }
    },
    20_000,
  );

  needs("curl").test("an ocp that is not on the PATH takes back what it wrote", async () => {
    await using machine = await createMachine(ocp.url);
    mkdirSync(join(machine.home, ".local/bin"), { recursive: true });
    symlinkSync(join(root, "dist", "ocp"), join(machine.home, ".local/bin/ocp"));
    machine.put(".config/zed/settings.json", "{}\n");
    await machine.pipe(
      ["sh"],
      [
        ["The key for", key],
        ["Write this?", "y"],
      ],
    );
    expect(readFileSync(join(machine.home, ".config/zed/settings.json"), "utf8")).toContain(ocp.url);
    expect((await machine.pipe(["sh", "-s", "--", "--undo"], [])).code).toBe(0);
    expect(readFileSync(join(machine.home, ".config/zed/settings.json"), "utf8")).toBe("{}\n");
  });

  needs("curl").test(
    "ocp connect takes over what the script wrote, and ocp disconnect leaves nothing of it",
    async () => {
      await using machine = await createMachine(ocp.url);
      machine.put(".bashrc", "# mine\n");
      const before = filesOf(machine);
      await machine.pipe(["sh"], [["The key for", key]]);
      for (const args of [["connect", ocp.url, "--key", key], ["disconnect"]]) {
        const child = Bun.spawn([...ocpCommand(target), ...args], {
          env: testEnv(machine.home, { SHELL: "/bin/bash" }),
          stdout: "ignore",
          stderr: "ignore",
        });
        expect(await child.exited).toBe(0);
      }
      expect(filesOf(machine)).toEqual(before);
    },
  );

  needs("curl").test("where ocp is, that does it, and asks on the terminal", async () => {
    await using machine = await createMachine(ocp.url);
    mkdirSync(join(machine.home, ".local/bin"), { recursive: true });
    symlinkSync(join(root, "dist", "ocp"), join(machine.home, ".local/bin/ocp"));
    machine.put(".config/zed/settings.json", "{}\n");
    const { code, screen } = await machine.pipe(
      ["sh"],
      [
        ["The key for", key],
        ["Write this?", "y"],
      ],
    );
    expect(code).toBe(0);
    expect(screen).toMatch(/Zed +configured/);
    expect(screen).not.toContain(key);
  });

  needs("curl").test("without a terminal, a server that asks for a key is not connected", async () => {
    await using machine = await createMachine(ocp.url);
    const child = Bun.spawn(["setsid", "sh", "-c", `curl -fsSL ${ocp.url}/connect | sh`], {
      env: machine.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);
    expect(code).toBe(1);
    expect(stderr).toContain("asks for a key, and there is no terminal to ask on");
    expect(filesOf(machine)).toEqual({});
  });
});

needs("shellcheck").test("the script has no fault that shellcheck knows", () => {
  const { stdout, exitCode } = Bun.spawnSync(["shellcheck", join(root, "src/server/connect.sh")]);
  expect({ stdout: stdout.toString(), exitCode }).toEqual({ stdout: "", exitCode: 0 });
});

test("of a script that was cut off nothing runs", async () => {
  const text = readFileSync(join(root, "src/server/connect.sh"), "utf8");
  await using temp = await createTemp();
  for (let length = 0; length < text.length - 'connect "$@"\n'.length; length += 97) {
    const child = Bun.spawnSync(["sh", "-c", text.slice(0, length)], {
      env: { PATH: process.env.PATH ?? "", HOME: temp.home },
      stdout: "pipe",
      stderr: "pipe",
    });
    expect({ length, said: child.stdout.toString() }).toEqual({ length, said: "" });
  }
  expect(filesOf(temp)).toEqual({});
});

async function createMachine(url: string) {
  const temp = await createTemp();
  const env = testEnv(temp.home, { SHELL: "/bin/bash", TERM: "xterm", PATH: plainPath });
  return {
    home: temp.home,
    env,
    put(file: string, text: string) {
      const path = join(temp.home, file);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, text);
    },
    /** `curl ... | shell` on a terminal of its own, where each question gets its answer. */
    async pipe(shell: readonly string[], answers: Array<[string, string]>) {
      let screen = "";
      let seen = 0;
      const left = [...answers];
      const child = Bun.spawn(["sh", "-c", `curl -fsSL ${url}/connect | ${shell.join(" ")}`], {
        env,
        timeout: 30_000,
        killSignal: "SIGKILL",
        terminal: {
          cols: 200,
          rows: 100,
          data(terminal, bytes) {
            screen += new TextDecoder().decode(bytes);
            const [next] = left;
            const at = next === undefined ? -1 : screen.indexOf(next[0], seen);
            if (next === undefined || at === -1) return;
            seen = at + next[0].length;
            left.shift();
            terminal.write(`${next[1]}\r`);
          },
        },
      });
      const code = await child.exited;
      return { code, screen };
    },
    [Symbol.asyncDispose]: () => temp.remove(),
  };
}
