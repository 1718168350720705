/** `ocp serve` as a process: what it says, how it ends, and that a bad setting never listens. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { ocpCommand, startOcp, targets } from "../harness/ocp.ts";
import { waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { runOcp } from "./run.ts";

const key = "a-key-of-the-owner";

describe.each(targets())("ocp serve from %s", (target) => {
  test("writes its URL to stdout, and to stderr what it found and what to do next", async () => {
    await using ocp = await startOcp({ target });
    await ocp.said(`listening on ${ocp.url}\n`);
    await ocp.said(`curl ${ocp.url}/v1/chat/completions`);
    await ocp.said(`${ocp.url}/swagger`);
    expect(ocp.stderr()).not.toContain("\u001b");
    expect((await fetch(`${ocp.url}/health`)).status).toBe(200);
  });

  test("never writes a secret", async () => {
    await using ocp = await startOcp({
      target,
      env: { PROXY_API_KEY: key, CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-x" },
    });
    expect((await fetch(`${ocp.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
    await ocp.said("Bearer $PROXY_API_KEY");
    await ocp.stop();
    expect(ocp.stderr()).not.toContain(key);
    expect(ocp.stderr()).not.toContain("sk-ant-oat01-x");
  });

  test("makes the admin key at its first start, keeps it, and writes no more of it than where it is", async () => {
    await using temp = await createTemp();
    const path = join(temp.home, ".ocp", "admin-key");
    const keys = [];
    for (let starts = 0; starts < 2; starts++) {
      await using ocp = await startOcp({ target, temp, env: { CLAUDE_AUTH_MODE: "multi" } });
      await ocp.said(path);
      const key = readFileSync(path, "utf8").trim();
      keys.push(key);
      const headers = { authorization: `Bearer ${key}` };
      expect((await fetch(`${ocp.url}/metrics`, { headers })).status).toBe(200);
      expect((await fetch(`${ocp.url}/metrics`)).status).toBe(403);
      await ocp.said("Ctrl-C");
      expect(ocp.stderr()).not.toContain(key.slice(-8));
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new Set(keys).size).toBe(1);
  });

  test("does not start with an admin key that it cannot use", async () => {
    await using temp = await createTemp();
    mkdirSync(join(temp.home, ".ocp"));
    writeFileSync(join(temp.home, ".ocp", "admin-key"), "");
    const { code, stdout, stderr } = await runOcp(target, ["serve", "--port", "0"], { HOME: temp.home });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ocp: The admin key in \S+\/admin-key cannot be used: it is empty\. .*OCP_ADMIN_KEY\.\n$/);
  });

  test("does not start when one key would stand for two", async () => {
    const { code, stderr } = await runOcp(target, ["serve"], { PROXY_API_KEY: key, OCP_ADMIN_KEY: key });
    expect([code, stderr]).toEqual([
      2,
      "ocp: PROXY_API_KEY and OCP_ADMIN_KEY are the same key. Each must be its own.\n",
    ]);
  });

  test("warns when the whole network may ask without a key", async () => {
    await using open = await startOcp({ target, args: ["--bind", "0.0.0.0"] });
    await open.said("Set PROXY_API_KEY");
    await using keyed = await startOcp({ target, args: ["--bind", "0.0.0.0"], env: { PROXY_API_KEY: key } });
    await keyed.said("Ctrl-C");
    expect(keyed.stderr()).not.toContain("Set PROXY_API_KEY");
  });

  test("stops cleanly on SIGTERM", async () => {
    await using ocp = await startOcp({ target });
    expect(await ocp.stop()).toBe(0);
    expect(ocp.stderr()).toContain("Stopping");
    expect(fetch(`${ocp.url}/health`)).rejects.toThrow();
  });

  test("a second signal does not wait for the answers that are being given", async () => {
    await using ocp = await startOcp({ target, args: ["--demo"] });
    const content = '[[demo {"blocks":["one two three"],"fault":{"kind":"stall","after":1}}]]';
    const body = JSON.stringify({ stream: true, messages: [{ role: "user", content }] });
    const answer = await fetch(`${ocp.url}/v1/chat/completions`, { method: "POST", body });
    const reader = answer.body!.getReader();
    await reader.read();
    const stopped = ocp.stop();
    await waitUntil("it says that it stops", () => ocp.stderr().includes("Stopping"));
    process.kill(ocp.pid, "SIGTERM");
    expect(await stopped).toBe(128 + 15);
    await waitUntilNobodyAtHome(ocp.home, 1_000);
    await reader.cancel().catch(() => {});
  });

  test("a taken port is one sentence that names it and the way out, and exit code 3", async () => {
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("mine") });
    const { code, stdout, stderr } = await runOcp(target, ["serve", "--port", String(other.port)]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^ocp: Port ${other.port} is taken .* ocp serve --port \\d+\\n$`));
    expect(await (await fetch(other.url)).text()).toBe("mine");
  });

  test("an address that is not this machine's is exit code 3", async () => {
    const { code, stdout, stderr } = await runOcp(target, ["serve", "--port", "0", "--bind", "192.0.2.1"]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^ocp: 192\.0\.2\.1 is no address of this machine\. .*\n$/);
  });

  test.each([
    ["CLAUDE_PROXY_PORT", "70000"],
    ["CLAUDE_TIMEOUT", "soon"],
    ["CLAUDE_MAX_BODY_SIZE", "5MB"],
    ["CLAUDE_AUTH_MODE", "open"],
    ["PROXY_API_KEY", "white space"],
    ["OCP_UPSTREAM_URL", "ftp://host"],
  ])("refuses %s=%j with exit code 2 and does not listen", async (env, value) => {
    const { code, stdout, stderr } = await runOcp(target, ["serve"], { [env]: value, CLAUDE_MAX_QUEUE: "many" });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^ocp: ${env}.*$`, "m"));
    expect(stderr).toMatch(/^ocp: CLAUDE_MAX_QUEUE is "many"/m);
    expect(stderr).not.toContain("listening");
  });

  test("a home that cannot be written is a sentence, and exit code 1", async () => {
    await using temp = await createTemp();
    writeFileSync(join(temp.home, ".ocp"), "a file where a directory belongs");
    const { code, stdout, stderr } = await runOcp(target, ["serve", "--port", "0"], { HOME: temp.home });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ocp: The directory \.ocp in your home directory cannot be made \(E\w+\)\.\n$/);
  });
});

test.each(targets().filter((target) => target === "binary"))(
  "the %s takes nothing from the .env and bunfig.toml around it",
  async (target) => {
    await using temp = await createTemp();
    writeFileSync(join(temp.path, ".env"), "CLAUDE_PROXY_PORT=abc\nCLAUDE_TIMEOUT=abc\n");
    writeFileSync(join(temp.path, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(temp.path, "preload.ts"), 'console.log("preloaded");\n');
    const child = Bun.spawn([...ocpCommand(target), "serve", "--timeout", "x"], {
      cwd: temp.path,
      env: testEnv(temp.home),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(stdout).toBe("");
    expect(stderr).toBe('ocp: --timeout is "x". It must be a whole number from 1000 to 1800000 (ms).\n');
  },
);
