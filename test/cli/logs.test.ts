/** `ocp logs`: from a running server, from its files when it does not run, and as it grows. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { type Ocp, ocpCommand, startOcp, targets } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { runOcp } from "./run.ts";

const ansi = "\u001b";

describe.each(targets())("ocp logs from %s", (target) => {
  let ocp: Ocp;
  const run = (...args: string[]) => runOcp(target, ["logs", ...args], { OCP_URL: ocp.url });

  beforeAll(async () => {
    ocp = await startOcp({ target });
    for (let i = 0; i < 3; i++) await fetch(`${ocp.url}/api/hello`);
  });
  afterAll(() => ocp[Symbol.asyncDispose]());

  test("prints the last lines, without colours into a pipe", async () => {
    const { code, stdout, stderr } = await run("200");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^\S+ info started version=\S+ url=http:\S+ settings=\{/);
    expect(
      stdout.match(/^\S+Z info request requestId=req_\w+ method=GET path=\/api\/hello status=200 /gm),
    ).toHaveLength(3);
    expect(stdout).not.toContain(ansi);
    expect((await run("2")).stdout.trimEnd().split("\n")).toHaveLength(2);
  });

  test("takes the number and the level in either order, and prints JSON", async () => {
    expect(await run("error")).toEqual({ code: 0, stdout: "", stderr: "" });
    for (const args of [
      ["5", "info"],
      ["info", "5"],
    ]) {
      const { stdout } = await run(...args, "--json");
      const entries = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(entries).toHaveLength(5);
      expect(entries.every(({ level, message }) => level === "info" && message === "request")).toBe(true);
    }
  });

  test.each([[["0"]], [["201"]], [["loud"]], [["5", "warn", "x"]], [["-x"]]])("%j is refused", async (args) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith("ocp: ");
  });

  test("has colours on a terminal", async () => {
    await using temp = await createTemp();
    let shown = "";
    const child = Bun.spawn([...ocpCommand(target), "logs", "1"], {
      env: testEnv(temp.home, { OCP_URL: ocp.url, TERM: "xterm" }),
      terminal: {
        cols: 200,
        rows: 20,
        data(_, bytes) {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    expect(await child.exited).toBe(0);
    await waitUntil("the line is here", () => shown.includes(`${ansi}[32minfo${ansi}[39m request`));
  });

  test("-f goes on with what comes, and says when the server stops", async () => {
    await using other = await startOcp({ target });
    await using temp = await createTemp();
    const child = Bun.spawn([...ocpCommand(target), "logs", "-f", "1", "--url", other.url], {
      env: testEnv(temp.home),
      stdout: "pipe",
      stderr: "pipe",
    });
    const lines = linesOf(child.stdout);
    expect(await lines.next()).toContain("started");
    await fetch(`${other.url}/api/hello`);
    expect(await lines.next()).toContain("path=/api/hello");
    await other.stop();
    expect(await child.exited).toBe(1);
    expect(await child.stderr.text()).toBe("ocp: The server has stopped.\n");
  });

  test("reads the files of a server that does not run, and says so", async () => {
    await using temp = await createTemp();
    const env = { HOME: temp.home, CLAUDE_PROXY_PORT: "1" };
    const said = "The server does not answer: this is read from its files.\n";
    expect(await runOcp(target, ["logs"], env)).toEqual({ code: 0, stdout: "", stderr: said });
    const logs = join(temp.home, ".ocp", "logs");
    mkdirSync(logs, { recursive: true });
    const file = join(logs, "ocp.log");
    const line = (message: string) =>
      `{"time":"2026-01-01T00:00:00.000Z","level":"warn","message":"${message}","path":"\\u001b[2J"}\n`;
    writeFileSync(file, line("before"));
    expect(await runOcp(target, ["logs", "--json"], env)).toEqual({ code: 0, stdout: line("before"), stderr: said });
    const { stdout } = await runOcp(target, ["logs"], env);
    expect(stdout).toBe('2026-01-01T00:00:00.000Z warn before path="\\u001b[2J"\n');

    const child = Bun.spawn([...ocpCommand(target), "logs", "-f"], {
      env: testEnv(temp.home, env),
      stdout: "pipe",
      stderr: "ignore",
    });
    const lines = linesOf(child.stdout);
    expect(await lines.next()).toContain("warn before");
    writeFileSync(file, line("after"), { flag: "a" });
    expect(await lines.next()).toContain("warn after");
    child.kill();
    await child.exited;
  });

  test("of a server that was named says that it is not there", async () => {
    const { code, stdout, stderr } = await runOcp(target, ["logs", "--url", "http://127.0.0.1:1"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ocp: Nothing listens at http:\/\/127\.0\.0\.1:1\..*\n$/);
  });
});

/** Line by line, each as soon as it is there. */
function linesOf(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  return {
    async next(): Promise<string> {
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`no more lines after ${JSON.stringify(text)}`);
        text += decoder.decode(value, { stream: true });
      }
      const line = text.slice(0, text.indexOf("\n"));
      text = text.slice(line.length + 1);
      return line;
    },
  };
}
