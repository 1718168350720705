/** The way of a newcomer: nothing but a POSIX system and curl, an empty home, and the line of the README. */

import { expect } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { createTemp } from "../harness/temp.ts";
import { makeReleases } from "./releases.ts";

/** What a small system has; no Node, no Bun, no Python. */
const tools =
  "awk cat chmod cp curl cut date df dirname env getconf grep gzip head id ls mkdir mktemp mv openssl printf ps rm rmdir sed sh sha256sum sleep sort stty tail touch tr uname wc".split(
    " ",
  );

needs("curl", "openssl", "ps").test(
  "curl | sh, ocp doctor, ocp serve, and the first request",
  async () => {
    await using temp = await createTemp();
    using releases = makeReleases(temp.path);
    await using simulator = startSimulator({ scenario: () => ({ blocks: ["Hello, newcomer."] }) });
    const few = join(temp.path, "few");
    mkdirSync(few);
    for (const tool of tools) symlinkSync(Bun.which(tool, { PATH: "/usr/bin:/bin" }) as string, join(few, tool));
    const bin = join(temp.home, ".local", "bin");
    const env = testEnv(temp.home, { PATH: `${bin}:${few}` });
    const run = async (script: string, extra: Record<string, string> = {}) => {
      const child = Bun.spawn([join(few, "sh"), "-c", script], {
        env: { ...env, ...extra },
        cwd: temp.home,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { code, stdout, stderr };
    };

    const installed = await run(`curl -fsSL ${releases.url}/install | sh`);
    expect(installed).toMatchObject({ code: 0, stderr: expect.stringContaining("Installed ocp 4.2.0") });
    const first = await run("ocp doctor");
    expect(first).toMatchObject({ code: 1, stderr: "" });
    expect(first.stdout).toContain("failure  claude");
    expect(first.stdout).toContain("npm install -g @anthropic-ai/claude-code");

    // The CLI is there now, and logged in.
    symlinkSync(claudeBinary(), join(bin, "claude"));
    const login = { CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test", OCP_UPSTREAM_URL: simulator.url };
    const server = Bun.spawn([join(bin, "ocp"), "serve", "--port", "0"], {
      env: { ...env, ...login },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    try {
      const [url = ""] = new TextDecoder().decode((await server.stdout.getReader().read()).value).split("\n");
      const port = new URL(url).port;
      const second = await run("ocp doctor --check claude,login,port,database", { ...login, CLAUDE_PROXY_PORT: port });
      expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining("Nothing is to be done.") });
      const body = JSON.stringify({ model: "sonnet", messages: [{ role: "user", content: "Say hello." }] });
      const asked = await run(`curl -s ${url}/v1/chat/completions -d '${body}'`);
      expect(JSON.parse(asked.stdout).choices[0].message.content).toBe("Hello, newcomer.");

      // Another machine, which has nothing of it: it fetches ocp from where the server knows it to be.
      const client = join(temp.path, "client");
      mkdirSync(join(client, ".config", "zed"), { recursive: true });
      const connected = await run(`curl -fsSL ${url}/connect | sh`, { HOME: client, PATH: few });
      expect(connected.code).toBe(0);
      expect(connected.stderr).toContain("Installed ocp 4.2.0");
      expect(connected.stdout).toMatch(/Zed +configured +answers/);
      expect(connected.stderr).not.toContain("ocp install");
      const undone = await run(`curl -fsSL ${url}/connect | sh -s -- --undo`, {
        HOME: client,
        PATH: `${join(client, ".local", "bin")}:${few}`,
      });
      expect(undone).toMatchObject({ code: 0, stdout: expect.stringContaining("as it was before") });

      // A machine that cannot check a signature gets no ocp, and the shell's variables in its place.
      const weak = join(temp.path, "weak");
      mkdirSync(weak);
      for (const tool of tools.filter((each) => each !== "openssl")) symlinkSync(join(few, tool), join(weak, tool));
      const other = join(temp.path, "other");
      mkdirSync(other);
      const shellOnly = await run(`curl -fsSL ${url}/connect | sh`, { HOME: other, PATH: weak, SHELL: "/bin/sh" });
      expect(shellOnly.code).toBe(0);
      expect(shellOnly.stderr).toContain("cannot be checked here");
      expect(shellOnly.stderr).toContain("The shell is set up.");
      expect(existsSync(join(other, ".local"))).toBe(false);
    } finally {
      server.kill("SIGTERM");
      expect(await server.exited).toBe(0);
    }
  },
  60_000,
);
