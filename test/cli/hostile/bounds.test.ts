/** A server that sends without end, without haste or far too much takes neither the memory nor the time of a command. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { ArgsDef } from "citty";
import { below, commands } from "../../../src/cli/commands.ts";
import { plainPath } from "../../connect/shell.ts";
import { testEnv } from "../../harness/env.ts";
import { ocpCommand } from "../../harness/ocp.ts";
import { createTemp, type Temp } from "../../harness/temp.ts";

/** Of a command at most, in bytes; it has about 100 MB when it reads a usual answer. */
const mostMemory = 300e6;

const words: Record<string, string[]> = {
  "keys add": ["one"],
  "keys revoke": ["one"],
  "keys rename": ["one", "x"],
  "keys expire": ["one", "never"],
  "keys rotate": ["one"],
  "keys quota": ["one"],
};
const table = [...commands].flatMap(([name, command]) => [
  { name, command },
  ...Object.entries(below(command)).map(([sub, each]) => ({ name: `${name} ${sub}`, command: each })),
]);
/** All that take `--url`. */
const remote = table
  .filter(({ command: { args } }) => "url" in ((args ?? {}) as ArgsDef))
  .map(({ name }) => [...name.split(" "), ...(words[name] ?? [])]);

let temp: Temp;
let answer: (path: string) => Response;
let server: Bun.Server<undefined>;
beforeAll(async () => {
  temp = await createTemp();
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: ({ url }) => answer(new URL(url).pathname),
  });
});
afterAll(async () => {
  await server.stop(true);
  await temp.remove();
});

async function run(args: string[]) {
  const url = `http://127.0.0.1:${server.port}`;
  const child = Bun.spawn([...ocpCommand("binary"), ...args], {
    cwd: temp.path,
    env: testEnv(temp.home, {
      OCP_URL: url,
      CLAUDE_PROXY_PORT: String(server.port),
      PATH: plainPath,
      SHELL: "/bin/bash",
    }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // It is a failure that the test ends it: the code is 137 then.
    timeout: 90_000,
    killSignal: "SIGKILL",
  });
  // The system's own figure at the end, `maxRSS`, counts what this process had when it started the command.
  let memory = 0;
  const watch = setInterval(() => {
    memory = Math.max(memory, peakMemory(child.pid));
  }, 2);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]).finally(
    () => clearInterval(watch),
  );
  return { code, stdout, stderr, memory };
}

/** The largest resident memory of a process so far, bytes; 0 once it has ended. */
function peakMemory(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** `first`, and then `more` for ever: at once, or a piece each `every` ms. */
function endless(first: string, more: Uint8Array, every = 0): Response {
  let begun = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (begun && every > 0) await Bun.sleep(every);
      controller.enqueue(begun ? more : new TextEncoder().encode(first));
      begun = true;
    },
  });
  return new Response(body, { headers: { "content-type": "application/json" } });
}
const block = new Uint8Array(256 * 1024).fill(0x61);
const address = () => `127.0.0.1:${server.port}`;

describe("an answer without end", () => {
  test.each(remote)("ends ocp %s with a sentence", async (...command) => {
    answer = () => endless('{"a":"', block);
    const { code, stdout, stderr, memory } = await run(command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ocp: What answers at \S+ sends more than 8 MiB, which no answer of OCP does\.\n$/);
    expect(memory).toBeLessThan(mostMemory);
  });

  test.each([
    ["refuses", 400],
    ["wants a key", 401],
    ["is of another version", 404],
  ])("of a server that %s is not read either", async (_, status) => {
    answer = () => new Response(endless('{"error":{"message":"', block).body, { status });
    const { code, memory } = await run(["status"]);
    expect(code).toBe(1);
    expect(memory).toBeLessThan(mostMemory);
  });

  test.each([
    ["/health", /sends more than 256 KiB/],
    ["/v1/models", /sends more than 2 MiB/],
    ["/v1/models/sonnet", /OCP 4\.0\.0/],
    ["/v1/chat/completions", /sends more than 1 MiB/],
  ])("at %s ends ocp connect, doctor and lan", async (path, said) => {
    answer = (asked) => {
      if (asked === path) return endless('{"a":"', block);
      if (asked === "/health") return Response.json({ status: "ok", version: "4.0.0", authMode: "none" });
      return Response.json({ data: [{ id: "claude-x" }], id: "claude-x" });
    };
    for (const command of [
      ["connect", address(), "--yes"],
      ["connect", "--status"],
      ["doctor"],
      ["lan"],
      ["disconnect"],
    ]) {
      const { code, stdout, stderr, memory } = await run(command);
      expect(code).not.toBe(137);
      expect(memory).toBeLessThan(mostMemory);
      if (command[1] === address()) expect(stdout + stderr).toMatch(said);
    }
  });

  test("of one line ends ocp logs -f, and a stream of lines goes on", async () => {
    answer = () => endless("data: ", block);
    const stuck = await run(["logs", "-f"]);
    expect(stuck).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("a line that no log of OCP has"),
    });
    expect(stuck.memory).toBeLessThan(mostMemory);
    const line = `data: ${JSON.stringify({ time: "2026-01-01T00:00:00Z", level: "info", message: "x" })}\n\n`;
    answer = () => new Response(`${line}data: {"time":1}\n\ndata: nonsense\n\n${line.repeat(20_000)}`);
    const many = await run(["logs", "-f"]);
    expect(many.stdout.split("\n")).toHaveLength(20_002);
    expect(many.memory).toBeLessThan(mostMemory);
  });
});

test("an answer that comes a byte at a time is given up, by each command in its time", async () => {
  answer = () => endless('{"a":"', block.subarray(0, 1), 500);
  const all = await Promise.all([
    run(["connect", address(), "--yes"]),
    run(["status"]),
    run(["lan"]),
    run(["doctor", "--check", "port,plan,isolation"]),
  ]);
  expect(all.map(({ code }) => code)).not.toContain(137);
  expect(all[0].stderr).toContain("does not answer within 10 s");
  expect(all[1].stderr).toContain("does not answer");
}, 120_000);

describe("an answer that is small, and large once it is read,", () => {
  const bomb = gzipSync(new Uint8Array(512 * 1024 * 1024), { level: 1 });
  test.each<[string, () => Response]>([
    ["nested", () => new Response("[".repeat(5_000_000))],
    ["nested in pairs", () => new Response(`${'{"a":['.repeat(500_000)}${"]}".repeat(500_000)}`)],
    ["of millions of values", () => new Response(`[${"{},".repeat(2_000_000)}{}]`)],
    ["compressed", () => new Response(bomb, { headers: { "content-encoding": "gzip" } })],
  ])("%s, is not taken for one of OCP", async (_, respond) => {
    answer = respond;
    for (const command of [
      ["status", "--json"],
      ["connect", address()],
    ]) {
      const { code, stdout, stderr, memory } = await run(command);
      expect({ command, code, stdout }).toEqual({ command, code: 1, stdout: "" });
      expect(stderr).toMatch(/not OCP|sends more than/);
      expect(stderr).not.toContain("internal error");
      expect(memory).toBeLessThan(mostMemory);
    }
  });
});

describe("JSON of another shape", () => {
  const deep = (value: unknown) => ({
    keys: [value],
    sessions: [value],
    byKey: [value],
    scope: value,
    entries: [value],
    current: { maxConcurrent: value },
    plan: value,
    models: { x: value },
    maxConcurrent: value,
    requests: value,
    recentErrors: [value],
  });
  const values = [{}, [], null, "x", 1, deep(null), deep({}), deep(1), deep([{ a: 1 }])];

  test.each([...remote, ["usage", "--by-key"], ["settings", "maxConcurrent", "4"], ["lan"], ["doctor"]])(
    "does not make ocp %s fail in itself",
    async (...command) => {
      for (const value of values) {
        answer = () => Response.json(value);
        const { code, stdout, stderr } = await run(command);
        expect(code).not.toBe(137);
        expect({ value, said: stdout + stderr }).not.toEqual({
          value,
          said: expect.stringContaining("internal error"),
        });
        expect(stdout + stderr).not.toMatch(/undefined|\[object|NaN/);
      }
    },
  );
});

describe("a list of models", () => {
  const listing = (count: number) => (path: string) => {
    if (path === "/health") return Response.json({ status: "ok", version: "4.0.0", authMode: "none" });
    return Response.json({
      id: "claude-m-0",
      data: Array.from({ length: count }, (_, at) => ({ id: `claude-m-${at}`, display_name: `M ${at}` })),
    });
  };
  const clients = "opencode,kilo,codex,continue,openclaw,aider,llm,zed,cline,shell";

  test("of 400 is refused, and nothing is written", async () => {
    answer = listing(400);
    const { code, stderr } = await run(["connect", address(), "--only", clients, "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toContain("lists 400 models, and clients are given 100 at most. Nothing was written.");
    expect(existsSync(join(temp.home, ".config/ocp"))).toBe(false);
    expect(existsSync(join(temp.home, ".continue"))).toBe(false);
  });

  test("of 100 is given to all clients, and taken back", async () => {
    answer = listing(100);
    mkdirSync(join(temp.home, ".continue"), { recursive: true });
    expect(await run(["connect", address(), "--only", clients, "--yes"])).toMatchObject({ code: 0 });
    for (const file of [
      ".continue/config.yaml",
      ".config/io.datasette.llm/extra-openai-models.yaml",
      ".aider.model.metadata.json",
    ])
      expect(readFileSync(join(temp.home, file), "utf8")).toContain("claude-m-99");
    expect(await run(["disconnect"])).toMatchObject({ code: 0 });
    expect(existsSync(join(temp.home, ".continue/config.yaml"))).toBe(false);
  });
});
