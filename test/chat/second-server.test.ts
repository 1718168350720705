/** One server at a time has `~/.ocp`: a start that comes to nothing leaves the running one as it was. */

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { runOcp } from "../cli/run.ts";
import { testEnv } from "../harness/env.ts";
import { ocpCommand, startOcp, targets } from "../harness/ocp.ts";
import { waitUntilNobodyAtHome } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, user } from "./client.ts";

const interactive = { CLAUDE_TUI_MODE: "true", OCP_LIVE_MAX: "8" };

/** What a sweep would take; the CLI's own temporary files come and go. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((name) => /of-the-first$|\.jsonl$|^sessions\/.*(mcp\.json|pid)$/.test(name))
    .sort();
}

describe.each(targets())("a second server, from %s,", (target) => {
  test.each([
    { port: "the same port", mode: "headless", second: {} },
    { port: "the same port", mode: "interactive", second: interactive },
    { port: "another port", mode: "headless", second: {} },
    { port: "another port", mode: "interactive", second: interactive },
  ])(
    "in $mode mode on $port is refused, and the interactive one goes on in its home",
    async ({ port, second }) => {
      await using temp = await createTemp();
      await using simulator = startSimulator();
      simulator.play(() => ({ blocks: ["Here."] }));
      await using ocp = await startOcp({ target, simulator, temp, env: interactive });
      const first = await ask(ocp, { messages: [user("One.")] });
      expect(first.status).toBe(200);
      const kept = join(temp.home, ".ocp");
      const swept = ["tui", "spawn-home"].map((name) => join(kept, name));
      writeFileSync(join(kept, "tui", "home", "of-the-first"), "");
      mkdirSync(join(kept, "spawn-home", "tmp"), { recursive: true });
      writeFileSync(join(kept, "spawn-home", "tmp", "of-the-first"), "");
      const before = swept.map(filesBelow);
      const sessions = readdirSync(join(kept, "tui", "sessions"));

      const args = ["serve", "--port", port === "the same port" ? new URL(ocp.url).port : "0"];
      const { code, stdout, stderr } = await runOcp(target, args, {
        HOME: temp.home,
        CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
        OCP_UPSTREAM_URL: simulator.url,
        ...second,
      });
      expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
      expect(stderr).toMatch(
        port === "the same port" ? /^ocp: Port \d+ is taken/ : /^ocp: Another ocp server is at work with \S+\/\.ocp\./,
      );

      expect(swept.map(filesBelow)).toEqual(before);
      expect(readdirSync(join(kept, "tui", "sessions"))).toEqual(sessions);
      expect(((await (await fetch(`${ocp.url}/health`)).json()) as any).status).toBe("ok");
      const messages = [user("One."), first.body.choices[0].message, user("Two.")];
      expect((await ask(ocp, { messages })).body.choices[0].message.content).toBe("Here.");
      expect((await ask(ocp, { messages: [user("Another.")] })).status).toBe(200);
    },
    60_000,
  );

  test("starts at once when the first was killed, and a demo beside it needs no place", async () => {
    await using temp = await createTemp();
    await using first = await startOcp({ target, temp });
    await using demo = await startOcp({ target, temp, args: ["--demo"] });
    expect((await fetch(`${demo.url}/health`)).status).toBe(200);
    await first.kill();
    await using next = await startOcp({ target, temp });
    expect((await fetch(`${next.url}/health`)).status).toBe(200);
    expect(statSync(join(temp.home, ".ocp", "server.lock")).mode & 0o777).toBe(0o600);
    expect(await next.stop()).toBe(0);
    await using last = await startOcp({ target, temp });
    expect((await fetch(`${last.url}/health`)).status).toBe(200);
  }, 60_000);

  test("of several that start at once one begins", async () => {
    await using temp = await createTemp();
    const children = Array.from({ length: 5 }, () =>
      Bun.spawn([...ocpCommand(target), "serve", "--port", "0"], {
        cwd: temp.path,
        env: testEnv(temp.home, { CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test" }),
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    const refused = children.map(async (child) => {
      const [code, stderr] = await Promise.all([child.exited, child.stderr.text()]);
      return { code, stderr };
    });
    const begun = children.map(async (child) => {
      for await (const _ of child.stdout) return child;
      throw new Error("it wrote no URL");
    });
    const winner = await Promise.any(begun);
    const outcomes = await Promise.all(refused.filter((_, at) => children[at] !== winner));
    expect(outcomes.map(({ code }) => code)).toEqual([3, 3, 3, 3]);
    for (const { stderr } of outcomes) expect(stderr).toContain("Another ocp server is at work");
    winner.kill("SIGTERM");
    expect(await winner.exited).toBe(0);
    await waitUntilNobodyAtHome(temp.home);
  }, 60_000);
});

test.each(targets())(
  "the health page tells when sessions have no home, and it is made again where it can be (%s)",
  async (target) => {
    await using temp = await createTemp();
    await using simulator = startSimulator();
    simulator.play(() => ({ blocks: ["Here."] }));
    await using ocp = await startOcp({ target, simulator, temp, env: { ...interactive, OCP_LIVE_MAX: "0" } });
    const home = join(temp.home, ".ocp", "tui", "home");
    const health = async () => (await (await fetch(`${ocp.url}/health`)).json()) as any;
    expect(await health()).toMatchObject({ status: "ok", tui: { problem: null } });

    rmSync(home, { recursive: true });
    expect((await ask(ocp, { messages: [user("One.")] })).status).toBe(200);

    await waitUntilNobodyAtHome(home);
    rmSync(home, { recursive: true });
    writeFileSync(home, "");
    const broken = await health();
    expect(broken.status).toBe("degraded");
    expect(broken.tui.problem).toContain("home directory");
    expect(broken.advice).toContain(broken.tui.problem);
    const refused = await ask(ocp, { messages: [user("Two.")] });
    expect(refused.status).toBe(503);
    expect(refused.body.error.message).not.toContain("locked by another program");

    rmSync(home);
    expect((await health()).status).toBe("ok");
    expect((await ask(ocp, { messages: [user("Three.")] })).status).toBe(200);

    // The CLI's own lock, held by another program.
    await waitUntilNobodyAtHome(home);
    rmSync(join(home, ".claude.json"), { force: true });
    const lock = join(home, ".claude.json.lock");
    rmSync(lock, { recursive: true, force: true });
    mkdirSync(lock);
    const holding = setInterval(() => utimesSync(lock, new Date(), new Date()), 100);
    try {
      const locked = await ask(ocp, { messages: [user("Four.")] });
      expect(locked.status).toBe(503);
      expect((await health()).tui.problem).toContain("locked by another program");
    } finally {
      clearInterval(holding);
    }
    rmSync(lock, { recursive: true });
    expect((await health()).status).toBe("ok");
    expect(existsSync(lock)).toBe(false);
  },
  90_000,
);

test("while the server starts, its port is taken and every request is told to come again", async () => {
  const { takePlace } = await import("../../src/server/listen.ts");
  const place = takePlace({ port: 0, bind: "127.0.0.1" });
  for (const path of ["/health", "/v1/messages", "/v1/chat/completions"]) {
    const response = await fetch(`${place.url}${path}`, { method: path === "/health" ? "GET" : "POST" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(JSON.stringify(await response.json())).toContain("The server is starting.");
  }
  expect(() => takePlace({ port: place.port, bind: "127.0.0.1" })).toThrow("another program has it");
  await place.release();
  await expect(fetch(place.url)).rejects.toThrow();
});
