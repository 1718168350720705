/**
 * Every command that reads from a server, against one whose texts act on the terminal: nothing of them gets there. A
 * command without a row fails.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { below, commands } from "../../../src/cli/commands.ts";
import { startSimulator } from "../../../src/demo/simulator.ts";
import { plainPath } from "../../connect/shell.ts";
import { testEnv } from "../../harness/env.ts";
import { type Ocp, ocpCommand, startOcp } from "../../harness/ocp.ts";
import { createTemp, type Temp } from "../../harness/temp.ts";
import { type HostileServer, type Mood, startHostileServer } from "./server.ts";
import { forbiddenIn, marker } from "./text.ts";

interface Row {
  /** The words after the command; `URL` and `ADDRESS` stand for the server. */
  args?: string[];
  /** Whether a text of the server is on the screen when it answers. */
  shows: boolean;
}

/** A text is the reason why a command asks no server, or none that is not ours. */
const rows: Record<string, Row | string> = {
  serve: "it is the server: test/cli/hostile/local.test.ts",
  install: { args: ["--dry-run", "--program", "/bin/true"], shows: false },
  uninstall: { shows: false },
  start: { shows: false },
  stop: { shows: false },
  restart: { shows: false },
  doctor: { shows: true },
  update: { args: ["--check"], shows: false },
  "self-test": "it starts its own server",
  keys: { args: ["--all"], shows: true },
  "keys add": { args: ["one"], shows: true },
  "keys revoke": { args: ["one"], shows: false },
  "keys rename": { args: ["one", "x"], shows: false },
  "keys expire": { args: ["one", "never"], shows: true },
  "keys rotate": { args: ["one"], shows: true },
  "keys quota": { args: ["one"], shows: false },
  lan: { shows: false },
  openclaw: "it is a table of commands",
  "openclaw sync": "it asks nobody",
  "openclaw plugin": "it asks nobody; the plugin: test/openclaw/plugin.test.ts",
  connect: { args: ["ADDRESS", "--yes"], shows: true },
  disconnect: "it asks nobody",
  usage: { shows: true },
  sessions: { shows: false },
  clear: { shows: false },
  status: { shows: true },
  health: { shows: true },
  settings: { args: ["--all"], shows: true },
  cache: { shows: false },
  logs: { shows: true },
  licences: "it asks nobody",
  models: "it asks nobody",
  completions: "it asks nobody",
  version: "it asks nobody",
  help: "it asks nobody",
};

/** Other ways of the same commands. */
const more: Array<[name: string, row: Row]> = [
  ["usage", { args: ["--by-key", "--all"], shows: false }],
  ["settings", { args: ["maxConcurrent"], shows: true }],
  ["settings", { args: ["maxConcurrent", "4"], shows: false }],
  ["cache", { args: ["clear"], shows: false }],
  ["logs", { args: ["-f"], shows: true }],
  ["connect", { args: ["--status"], shows: false }],
  ["connect", { args: ["ADDRESS", "--dry-run"], shows: false }],
];

const all = [...commands].flatMap(([name, command]) => [
  name,
  ...Object.keys(below(command)).map((sub) => `${name} ${sub}`),
]);

test("every command has its row", () => {
  expect(Object.keys(rows).sort()).toEqual([...all].sort());
});

const table = [...Object.entries(rows), ...more].filter((each): each is [string, Row] => typeof each[1] !== "string");

let ocp: Ocp;
let temp: Temp;
let server: HostileServer;
const simulator = startSimulator();
beforeAll(async () => {
  temp = await createTemp();
  for (const directory of [".codex", ".config/opencode", ".cline"])
    mkdirSync(join(temp.home, directory), { recursive: true });
  ocp = await startOcp({ target: "binary", simulator });
  await fetch(`${ocp.url}/api/keys`, {
    method: "POST",
    body: '{"name":"one"}',
    headers: { "content-type": "application/json" },
  });
  server = startHostileServer(ocp.url, 14);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ocp[Symbol.asyncDispose]();
  await simulator.stop();
  await temp.remove();
});

const wordsOf = (name: string, { args = [] }: Row) => [
  ...name.split(" "),
  ...args.map((word) => word.replace("ADDRESS", server.url.replace("http://", ""))),
];
const environment = () =>
  testEnv(temp.home, {
    OCP_URL: server.url,
    CLAUDE_PROXY_PORT: server.port,
    PATH: plainPath,
    SHELL: "/bin/bash",
    TERM: "xterm",
  });

async function inPipe(words: string[]): Promise<string> {
  const child = Bun.spawn([...ocpCommand("binary"), ...words], {
    cwd: temp.path,
    env: environment(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return stdout + stderr;
}

async function onTerminal(words: string[]): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let screen = "";
  const ended = Promise.withResolvers<void>();
  const child = Bun.spawn([...ocpCommand("binary"), ...words], {
    cwd: temp.path,
    env: environment(),
    timeout: 60_000,
    killSignal: "SIGKILL",
    terminal: {
      cols: 500,
      rows: 200,
      data: (_, bytes) => {
        screen += decoder.decode(bytes, { stream: true });
      },
      exit: () => ended.resolve(),
    },
  });
  await child.exited;
  child.terminal?.close();
  await ended.promise;
  return screen;
}

describe.each<Mood>(["answers", "refuses", "talks nonsense"])("of a server that %s", (mood) => {
  beforeAll(() => {
    server.mood = mood;
  });

  test.each(table)("ocp %s %j brings no control character to a pipe or a terminal", async (name, row) => {
    const words = wordsOf(name, row);
    const [piped, json, screen] = [await inPipe(words), await inPipe([...words, "--json"]), await onTerminal(words)];
    expect(forbiddenIn(piped, false)).toEqual([]);
    expect(forbiddenIn(json, false)).toEqual([]);
    expect(forbiddenIn(screen, true)).toEqual([]);
    if (mood === "answers" && row.shows) {
      expect(piped).toContain(marker);
      expect(screen).toContain(marker);
    }
  });
});

test("JSON is the same value, with the characters escaped", async () => {
  server.mood = "answers";
  const printed = JSON.parse(await inPipe(["status", "--json"]));
  expect(JSON.stringify(printed)).toContain(marker);
  const sent = { a: "\u001b]0;x\u0007\u009b\u007f\u202e\u{e0041}" };
  using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json(sent) });
  const child = Bun.spawn([...ocpCommand("binary"), "status", "--json", "--url", other.url.href], {
    env: environment(),
    stdout: "pipe",
    stderr: "ignore",
  });
  const text = await child.stdout.text();
  expect(JSON.parse(text)).toEqual(sent);
  expect(forbiddenIn(text, false)).toEqual([]);
});
