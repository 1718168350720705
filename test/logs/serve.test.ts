/** The log of a server as a user runs it: what is in its files, and that trouble with them disturbs no answer. */

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json";
import { loadSettings } from "../../src/config/load.ts";
import { createDirectories, resolvePaths } from "../../src/config/paths.ts";
import { type Ending, start } from "../../src/services.ts";
import { testEnv } from "../harness/env.ts";
import { type Ocp, ocpCommand, startOcp, targets } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";

const logOf = (home: string) => join(home, ".ocp", "logs", "ocp.log");
const entries = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const knock = async (ocp: Pick<Ocp, "url">) => {
  const response = await fetch(`${ocp.url}/api/hello`);
  expect(response.status).toBe(200);
  return response.headers.get("x-request-id");
};

describe.each(targets())("the log of a server (%s)", (target) => {
  test("tells of its start with what was set, of each request with its id, and of its end", async () => {
    const env = { PROXY_API_KEY: "a-long-secret", CLAUDE_SYSTEM_PROMPT: "Be kind.", CLAUDE_MAX_QUEUE: "5" };
    await using ocp = await startOcp({ target, env });
    const id = await knock(ocp);
    expect(await ocp.stop()).toBe(0);
    const all = entries(logOf(ocp.home));
    expect(all.map(({ message }) => message)).toEqual(["started", "request", "stopped"]);
    expect(all[0]).toMatchObject({
      version: manifest.version,
      url: ocp.url,
      settings: { PROXY_API_KEY: "set", CLAUDE_SYSTEM_PROMPT: "set", CLAUDE_MAX_QUEUE: 5, CLAUDE_PROXY_PORT: 0 },
    });
    expect(all[1]).toMatchObject({ level: "info", requestId: id, path: "/api/hello", status: 200, outcome: "ok" });
    const text = readFileSync(logOf(ocp.home), "utf8") + ocp.stderr();
    for (const secret of ["a-long-secret", "Be kind.", "sk-ant-oat01-test"]) expect(text).not.toContain(secret);
  });

  test("is whole after a second signal, and after a kill but for its last moment", async () => {
    await using ended = await startOcp({ target, args: ["--demo"] });
    const content = '[[demo {"blocks":["one two"],"fault":{"kind":"stall","after":1}}]]';
    const body = JSON.stringify({ stream: true, messages: [{ role: "user", content }] });
    const answer = await fetch(`${ended.url}/v1/chat/completions`, { method: "POST", body });
    const id = await knock(ended);
    process.kill(ended.pid, "SIGTERM");
    await waitUntil("it says that it stops", () => ended.stderr().includes("Stopping"));
    process.kill(ended.pid, "SIGTERM");
    await waitUntil("it is written", () => readFileSync(logOf(ended.home), "utf8").includes(String(id)));
    await answer.body?.cancel().catch(() => {});

    await using killed = await startOcp({ target });
    const first = await knock(killed);
    await waitUntil("it is written", () => {
      return existsSync(logOf(killed.home)) && readFileSync(logOf(killed.home), "utf8").includes(String(first));
    });
    await knock(killed);
    await killed.kill();
    expect(entries(logOf(killed.home))[1].requestId).toBe(first);
  });

  test("may be on a full disk, or where no directory can be: answers go on, and it is said once", async () => {
    for (const spoil of [
      (data: string) => {
        mkdirSync(join(data, "logs"), { recursive: true });
        symlinkSync("/dev/full", join(data, "logs", "ocp.log"));
      },
      (data: string) => {
        mkdirSync(data);
        writeFileSync(join(data, "logs"), "a file where the directory belongs");
      },
    ]) {
      await using temp = await createTemp();
      const data = join(temp.path, "data");
      spoil(data);
      await using ocp = await startOcp({ target, env: { OCP_DIR_OVERRIDE: data } });
      await ocp.said("the log file cannot be written");
      for (let i = 0; i < 5; i++) await knock(ocp);
      rmSync(join(data, "logs"), { recursive: true });
      await ocp.said("the log file is written again");
      const last = await knock(ocp);
      await ocp.stop();
      const all = entries(join(data, "logs", "ocp.log"));
      expect(all[0].message).toBe("started");
      expect(all.filter(({ message }) => message === "request")).toHaveLength(6);
      expect(all.some(({ requestId }) => requestId === last)).toBe(true);
      expect(ocp.stderr().match(/cannot be written/g)).toHaveLength(1);
    }
  });

  test.each([
    ["is full", '"$@" 2>/dev/full >"$HOME/out"'],
    ["is closed", '"$@" 2>&- >"$HOME/out"'],
    ["has lost its reader", '{ "$@" 2>&1 >"$HOME/out"; } | exec true'],
  ])("goes on in its file when stderr %s, and so do the answers", async (_, how) => {
    await using temp = await createTemp();
    const out = join(temp.home, "out");
    const child = Bun.spawn(["sh", "-c", how, "sh", ...ocpCommand(target), "serve", "--port", "0"], {
      cwd: temp.path,
      env: testEnv(temp.home, { CLAUDE_BIN: "/bin/true" }),
      detached: true,
    });
    try {
      const url = await waitUntil("it listens", () => existsSync(out) && (readFileSync(out, "utf8").trim() || false));
      for (let i = 0; i < 3; i++) await knock({ url });
      await waitUntil("it is written", () => {
        return existsSync(logOf(temp.home)) && entries(logOf(temp.home)).filter(isRequest).length === 3;
      });
    } finally {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
    }
  });
});

describe.each(targets())("a CLI that fails (%s)", (target) => {
  const failing = async (program: string) => {
    await using temp = await createTemp();
    const bin = join(temp.path, "claude");
    writeFileSync(bin, `#!/bin/sh\n[ "$1" = --version ] && exec echo "2.1.330 (Claude Code)"\n${program}`, {
      mode: 0o755,
    });
    await using ocp = await startOcp({ target, env: { CLAUDE_BIN: bin } });
    const body = JSON.stringify({ messages: [{ role: "user", content: "the words of a prompt" }] });
    const response = await fetch(`${ocp.url}/v1/chat/completions`, { method: "POST", body });
    expect(response.status).toBe(502);
    await ocp.said("claude exited");
    await ocp.stop();
    return { answer: await response.text(), log: readFileSync(logOf(ocp.home), "utf8") + ocp.stderr() };
  };

  test("as it starts is in the log with what it said", async () => {
    const { answer, log } = await failing('echo "no such option: --verbose" >&2; exit 3');
    expect(log).toContain("no such option: --verbose");
    expect(log).toContain('"code":3');
    expect(answer).not.toContain("no such option");
  });

  test("once it was asked is in the log without its words: they may be the prompt's", async () => {
    const { answer, log } = await failing(`while read -r line; do
        id=$(printf '%s' "$line" | sed -n 's/.*"request_id":"\\([^"]*\\)".*/\\1/p')
        if [ -n "$id" ]; then
          printf '{"type":"control_response","response":{"subtype":"success","request_id":"%s","response":{}}}\\n' "$id"
        else
          printf 'crashed at %s\\n' "$line" >&2; exit 4
        fi
      done`);
    expect(log).toContain('"code":4');
    expect(log).not.toContain("crashed at");
    expect(log + answer).not.toContain("the words of a prompt");
  });
});

const isRequest = ({ message }: { message: string }) => message === "request";

test("an error that nobody caught is in the log with its place, without its words", async () => {
  await using temp = await createTemp();
  const environment = testEnv(temp.home, { CLAUDE_BIN: "/bin/true" });
  const ends = { report: (_: unknown) => {}, exit: () => {} };
  const ending: Ending = {
    atExit(action) {
      ends.exit = action;
    },
    onDefect(report) {
      ends.report = report;
    },
  };
  const paths = resolvePaths(environment);
  createDirectories(paths);
  const said: string[] = [];
  const server = await start(loadSettings(environment, { port: "0" }, { memory: 2 ** 33 }), {
    demo: false,
    self: [],
    version: "1.2.3",
    paths,
    environment,
    stderr: (line) => said.push(line),
    ending,
  });
  ends.report(new TypeError("the prompt of somebody"));
  ends.report("a thrown prompt");
  ends.exit();
  const found = entries(logOf(temp.home)).filter(({ level }) => level === "error");
  expect(found).toMatchObject([
    { message: "the server ends: an error that nobody caught", defect: "TypeError" },
    { defect: "a thrown string", at: [] },
  ]);
  expect(found[0].at[0]).toContain("serve.test.ts");
  expect(readFileSync(logOf(temp.home), "utf8") + said.join("")).not.toContain("prompt");
  await server.stop(0);
});
