/** Foreign text that is on this machine already: in the log, in names of files, in arguments, in what programs said. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plainPath } from "../../connect/shell.ts";
import { testEnv } from "../../harness/env.ts";
import { ocpCommand, startOcp } from "../../harness/ocp.ts";
import { createTemp } from "../../harness/temp.ts";
import { runOcp } from "../run.ts";
import { createHostileText, forbiddenIn, marker } from "./text.ts";

/** What an argument, a variable or a file's name can hold. */
const nameable = (text: string) => text.replaceAll("\u0000", "").replaceAll("/", "_");
const text = createHostileText(10);
const name = () => nameable(text());
const hostile = "HOSTILE\u001b]0;x\u0007\u009b2J\u007f\u202e\r\u001b[35m";

describe("no control character is printed", () => {
  test.each([
    [[hostile]],
    [["keys", hostile]],
    [["help", hostile]],
    [["status", `--${hostile}`]],
    [["status", "--url", hostile]],
    [["serve", "--port", hostile]],
    [["logs", hostile]],
    [["connect", hostile]],
    [["connect", "127.0.0.1:1", "--only", hostile]],
    [["completions", hostile]],
    [["install", "--dry-run", "--program", `/${hostile}`]],
    [["keys", "expire", "one", hostile]],
    [["update", "--rollback", "--snapshot", hostile]],
    [["openclaw", "plugin", hostile]],
  ])("of the arguments %j", async (args) => {
    const { stdout, stderr } = await runOcp("binary", args);
    expect(stdout + stderr).toContain(marker);
    expect(forbiddenIn(stdout + stderr, false)).toEqual([]);
  });

  test.each(["OCP_URL", "CLAUDE_PROXY_PORT", "CLAUDE_BIND", "OCP_UPDATE_URL"])(
    "of the variable %s",
    async (variable) => {
      for (const command of [["status"], ["doctor"], ["update", "--check"], ["serve"]]) {
        const { stdout, stderr } = await runOcp("binary", command, {
          [variable]: hostile,
          OCP_ADMIN_KEY: "x",
          CLAUDE_BIN: "/none",
        });
        expect(forbiddenIn(stdout + stderr, false)).toEqual([]);
      }
    },
  );

  test("of the log's own file, where no server answers", async () => {
    await using temp = await createTemp();
    const logs = join(temp.home, ".ocp", "logs");
    mkdirSync(logs, { recursive: true });
    const lines = Array.from({ length: 50 }, () =>
      JSON.stringify({ time: text(), level: "warn", message: text(), [text()]: text(), deep: { [text()]: [text()] } }),
    );
    writeFileSync(join(logs, "ocp.log"), `${lines.join("\n")}\n`);
    for (const args of [
      ["logs", "50"],
      ["logs", "50", "--json"],
    ]) {
      const child = Bun.spawn([...ocpCommand("binary"), ...args], {
        env: testEnv(temp.home, { CLAUDE_PROXY_PORT: "1" }),
        stdout: "pipe",
        stderr: "pipe",
      });
      const stdout = await child.stdout.text();
      expect(stdout.trim().split("\n")).toHaveLength(50);
      expect(stdout).toContain(marker);
      expect(forbiddenIn(stdout, false)).toEqual([]);
    }
  });

  test("of the name of the home, in whatever is said of its files", async () => {
    await using temp = await createTemp();
    const home = join(temp.path, name());
    for (const each of ["tmp", ".openclaw", ".codex", ".config/opencode"])
      mkdirSync(join(home, each), { recursive: true });
    writeFileSync(join(home, ".openclaw", "openclaw.json"), `{ models: ${hostile}`);
    writeFileSync(join(home, ".codex", "config.toml"), hostile);
    const snapshot = join(home, ".ocp", `upgrade-snapshot-${name()}`);
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(snapshot, "ocp"), "");
    writeFileSync(
      join(snapshot, "snapshot.json"),
      JSON.stringify({ from: text(), to: text(), createdAt: "2026-01-01" }),
    );
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) =>
        url.endsWith("/health")
          ? Response.json({ status: "ok", version: "4.0.0", authMode: "none" })
          : Response.json({ data: [{ id: "claude-x", display_name: hostile }], id: "claude-x" }),
    });
    const connect = ["connect", `127.0.0.1:${server.port}`, "--yes"];
    const commands = [
      [...connect, "--dry-run"],
      connect,
      ["connect", "--status"],
      ["disconnect", "--dry-run"],
      ["disconnect"],
      ["doctor"],
      ["openclaw", "sync"],
      ["openclaw", "plugin", "install"],
      ["install", "--dry-run", "--program", "/bin/true"],
      ["uninstall", "--purge"],
      ["update", "--rollback", "--list"],
      ["status"],
    ];
    let said = "";
    for (const args of commands) {
      const child = Bun.spawn([...ocpCommand("binary"), ...args], {
        env: testEnv(home, { PATH: plainPath, SHELL: "/bin/bash", CLAUDE_PROXY_PORT: "1" }),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect({ args, found: forbiddenIn(stdout + stderr, false) }).toEqual({ args, found: [] });
      said += stdout + stderr;
    }
    expect(said.split(marker).length).toBeGreaterThan(20);
  });

  test("of what requests bring to a server that logs to a terminal", async () => {
    await using ocp = await startOcp({ target: "binary", env: { CLAUDE_AUTH_MODE: "multi", OCP_LOG_LEVEL: "info" } });
    const encoded = encodeURIComponent(hostile.replaceAll("\u202e", ""));
    await fetch(`${ocp.url}/v1/${encoded}`, { headers: { "user-agent": "HOSTILE\u009b2J" } });
    await fetch(`${ocp.url}/api/keys`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: hostile }),
    });
    await fetch(`${ocp.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: hostile, messages: [{ role: "user", content: hostile }] }),
    });
    await ocp.stop();
    expect(ocp.stderr()).toContain("request");
    expect(forbiddenIn(ocp.stderr(), false)).toEqual([]);
  });
});
