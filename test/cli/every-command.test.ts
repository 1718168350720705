/**
 * Every command of the table through the built binary: as it should be used, as JSON, with no server, and with a
 * command line that is wrong. A command without a row here fails.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { below, commands } from "../../src/cli/commands.ts";
import { startSimulator } from "../../src/demo/simulator.ts";
import { type Ocp, startOcp } from "../harness/ocp.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { type Outcome, runOcp } from "./run.ts";

interface Row {
  /** The words after the command, where it needs some. */
  args?: string[];
  /** What is on stdout then. */
  prints: RegExp;
  /** What is in its JSON; null: it has none, since what it prints is for a program already. */
  json: RegExp | null;
  /** It asks a server, and fails without one. */
  remote?: boolean;
  /** The code when all is as it is here: an empty home. */
  code?: number;
  /** It has a test of its own, since it serves, or changes the machine. */
  elsewhere?: string;
}

const rows: Record<string, Row> = {
  serve: { prints: /./, json: null, elsewhere: "test/cli/serve.test.ts" },
  install: { args: ["--dry-run", "--program", "/bin/true"], prints: /Nothing was changed/, json: /"environmentFile"/ },
  uninstall: { prints: /No service was installed/, json: /"done": \[\]/ },
  start: { prints: /./, json: null, elsewhere: "test/service/script.test.ts" },
  stop: { prints: /./, json: null, elsewhere: "test/service/script.test.ts" },
  restart: { prints: /./, json: null, elsewhere: "test/service/script.test.ts" },
  doctor: { args: ["--check", "version"], prints: /ok +version +OCP/, json: /"schema_version": "1"/ },
  update: { args: ["--rollback", "--list"], prints: /nothing to go back to/, json: /\[\]/ },
  "self-test": { prints: /OCP .* serves/, json: /"ok": true/ },
  keys: { prints: /^$|NAME/, json: /\[/, remote: true },
  "keys add": { args: ["one"], prints: /^ocp_/m, json: /"key": "ocp_/, remote: true },
  "keys revoke": { args: ["gone"], prints: /./, json: null, remote: true, code: 1 },
  "keys rename": { args: ["gone", "x"], prints: /./, json: null, remote: true, code: 1 },
  "keys expire": { args: ["gone", "never"], prints: /./, json: null, remote: true, code: 1 },
  "keys rotate": { args: ["gone"], prints: /./, json: null, remote: true, code: 1 },
  "keys quota": { args: ["gone"], prints: /./, json: null, remote: true, code: 1 },
  lan: { prints: /does not answer|addresses/, json: /"addresses"/ },
  openclaw: { prints: /./, json: null, elsewhere: "it is a table of commands" },
  "openclaw sync": { prints: /OpenClaw is not on this machine/, json: /"changed": false/ },
  connect: { prints: /Nothing is connected/, args: ["--status"], json: /"files": \[\]/ },
  disconnect: { prints: /Nothing is connected/, json: /"files": \[\]/ },
  "openclaw plugin": { args: ["remove"], prints: /It is not installed/, json: /"changed": false/ },
  usage: { prints: /session/i, json: /"plan"/, remote: true },
  sessions: { prints: /No conversation/, json: /\[\]/, remote: true },
  clear: { prints: /0 processes ended/, json: /"cleared": 0/, remote: true },
  status: { prints: /^status +ok/m, json: /"requests"/, remote: true },
  health: { prints: /^status +ok/m, json: /"status": "ok"/, remote: true },
  settings: { prints: /maxConcurrent/, json: /"maxConcurrent"/, remote: true },
  cache: { prints: /^cache +off/m, json: /"entries": 0/, remote: true },
  logs: { prints: /started|request/, json: /"level"/, remote: true },
  models: { prints: /^claude-/m, json: /"contextWindow"/ },
  completions: { args: ["bash"], prints: /complete -o default/, json: null },
  version: { prints: /^\d+\.\d+\.\d+$/m, json: /"version"/ },
  licences: { prints: /^preact \d.*: MIT$/m, json: /"licence": "Apache-2.0"/ },
  help: { prints: /EXIT CODES/, json: null },
};

const all = [...commands].flatMap(([name, command]) => [
  name,
  ...Object.keys(below(command)).map((sub) => `${name} ${sub}`),
]);

test("every command has its row", () => {
  expect(Object.keys(rows).sort()).toEqual([...all].sort());
});

const ansi = "\u001b";
let ocp: Ocp;
let temp: Temp;
const simulator = startSimulator();
beforeAll(async () => {
  temp = await createTemp();
  ocp = await startOcp({ target: "binary", simulator, temp });
});
afterAll(async () => {
  await ocp[Symbol.asyncDispose]();
  await temp.remove();
  await simulator.stop();
});

const run = (words: string[], env: Record<string, string | undefined> = {}): Promise<Outcome> =>
  runOcp("binary", words, { OCP_URL: ocp.url, FORCE_COLOR: "1", ...env });
const runnable = all.filter((name) => rows[name]?.elsewhere === undefined);
const wordsOf = (name: string) => [...name.split(" "), ...(rows[name]?.args ?? [])];

describe("through the binary", () => {
  test.each(runnable)("ocp %s prints what it should, without colours in a pipe", async (name) => {
    const { prints, code = 0 } = rows[name] as Row;
    const outcome = await run(wordsOf(name));
    expect(outcome.code).toBe(code);
    const { stdout, stderr } = outcome;
    if (code === 0) expect(stdout).toMatch(prints);
    else expect({ stdout, stderr }).toEqual({ stdout: "", stderr: expect.stringMatching(/^ocp: [A-Z].*\.\n$/) });
    expect(stdout + stderr).not.toContain(ansi);
    expect(stdout + stderr).not.toMatch(/undefined|\[object|\n\s+at /);
  });

  test.each(runnable.filter((name) => rows[name]?.json))("ocp %s --json is JSON and nothing else", async (name) => {
    const [words, at] = [wordsOf(name), rows[name] as Row];
    // A name can be had once.
    const outcome = await run([...words.map((word) => (word === "one" ? "two" : word)), "--json"]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout).toMatch(at.json as RegExp);
    if (name === "logs") for (const line of outcome.stdout.trim().split("\n")) JSON.parse(line);
    else JSON.parse(outcome.stdout);
    expect(outcome.stdout).not.toContain(ansi);
  });

  test.each(runnable.filter((name) => rows[name]?.remote))(
    "ocp %s says that no server answers, and what to do",
    async (name) => {
      const outcome = await run(wordsOf(name), { OCP_URL: "http://127.0.0.1:1" });
      expect(outcome).toEqual({
        code: 1,
        stdout: "",
        stderr:
          "ocp: Nothing listens at http://127.0.0.1:1. Start it with `ocp serve`, or name the server with --url or OCP_URL.\n",
      });
    },
  );

  test.each(all)("ocp %s refuses a flag that it does not have", async (name) => {
    const { code, stdout, stderr } = await run([...name.split(" "), "--no-such-flag"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`\`ocp ${name}\` has no flag --no-such-flag.`);
  });

  test.each(all)("ocp %s --help and ocp help %s are the same page", async (name) => {
    const [byFlag, byHelp] = await Promise.all([
      run([...name.split(" "), "--help"]),
      run(["help", ...name.split(" ")]),
    ]);
    expect(byFlag).toEqual(byHelp);
    expect(byFlag).toMatchObject({ code: 0, stderr: "" });
    expect(byFlag.stdout).toContain(`USAGE ocp ${name}`);
  });
});

describe("a server that", () => {
  test.each([
    ["is older", "3.9.0", "the server is older"],
    ["is newer", "99.0.0", "this ocp is older"],
  ])("%s and does not know a route is named with its version", async (_, version, sentence) => {
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) =>
        url.endsWith("/health") ? Response.json({ status: "ok", version }) : new Response("", { status: 404 }),
    });
    const { code, stderr } = await run(["sessions"], { OCP_URL: `http://127.0.0.1:${server.port}` });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`is OCP ${version}, and this ocp is`),
    });
    expect(stderr).toContain(sentence);
  });

  test.each([
    ["is something else", () => new Response("<html>"), "is not OCP"],
    ["answers no JSON", () => new Response("ok", { status: 200 }), "is not OCP"],
    ["refuses the key", () => Response.json({ error: { message: "x" } }, { status: 401 }), "wants a key"],
    ["says why not", () => Response.json({ error: { message: "Not now." } }, { status: 503 }), "Not now."],
    ["fails without a word", () => new Response("", { status: 500 }), "is not OCP (500)"],
  ])("%s is told apart", async (_, fetch, sentence) => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
    const { code, stdout, stderr } = await run(["status"], { OCP_URL: `http://127.0.0.1:${server.port}` });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(sentence);
  });
});
