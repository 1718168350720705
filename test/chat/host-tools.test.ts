/**
 * The tools of this machine go to the admin, to programs on it, and to keys that the operator named. Everybody else is
 * answered as if the server had none: nothing runs, and the model is not even offered them.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { runOcp } from "../cli/run.ts";
import { cliVersions } from "../harness/claude.ts";
import { type Ocp, startOcp } from "../harness/ocp.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import { assistant, user } from "./client.ts";
import { messageRequests, sessionOf } from "./upstream.ts";

const admin = "the-key-of-the-admin";
const shared = "the-key-that-all-share";
const guests = "the-key-for-guests";
const forwarded = { "x-forwarded-for": "203.0.113.9" };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

interface Caller {
  who: string;
  /** `keys` are those of people, by their name. */
  headers: (keys: Record<string, string>) => Record<string, string>;
  has: boolean;
}

const everywhere: Caller[] = [
  { who: "the admin", headers: () => bearer(admin), has: true },
  { who: "the admin, behind a proxy", headers: () => ({ ...bearer(admin), ...forwarded }), has: true },
  { who: "a program on this machine", headers: () => ({}), has: true },
  { who: "a key that is named", headers: ({ named }) => bearer(named!), has: true },
  {
    who: "a key that is named, behind a proxy",
    headers: ({ named }) => ({ ...bearer(named!), ...forwarded }),
    has: true,
  },
  { who: "a key that is not named", headers: ({ other }) => bearer(other!), has: false },
  {
    who: "a key that is not named, behind a proxy",
    headers: ({ other }) => ({ ...bearer(other!), ...forwarded }),
    has: false,
  },
  { who: "the key for guests", headers: () => bearer(guests), has: false },
  { who: "the key for guests, behind a proxy", headers: () => ({ ...bearer(guests), ...forwarded }), has: false },
];
const strangers = [
  "x-forwarded-for",
  "x-forwarded-port",
  "forwarded",
  "via",
  "x-real-ip",
  "cf-ray",
  "cdn-loop",
  "x-envoy-external-address",
  "tailscale-user-name",
].map((header): Caller => ({ who: `a stranger with ${header}`, headers: () => ({ [header]: "1" }), has: false }));

const modes: Array<{ mode: string; env: Record<string, string>; callers: Caller[] }> = [
  {
    mode: "none",
    env: {},
    callers: [
      ...everywhere,
      ...strangers,
      { who: "a program in a container", headers: () => ({ host: "host.docker.internal" }), has: false },
      { who: "any text as a key", headers: () => bearer("sk-any-text"), has: true },
      { who: "any text as a key, behind a proxy", headers: () => ({ ...bearer("sk-any"), ...forwarded }), has: false },
    ],
  },
  {
    mode: "none, without trust in loopback",
    env: { OCP_TRUST_LOOPBACK: "0" },
    callers: [
      { who: "the admin", headers: () => bearer(admin), has: true },
      { who: "a caller without a key", headers: () => ({}), has: false },
    ],
  },
  {
    mode: "shared",
    env: { PROXY_API_KEY: shared },
    callers: [...everywhere, { who: "the shared key", headers: () => bearer(shared), has: false }],
  },
  {
    mode: "shared, whose key is named",
    env: { PROXY_API_KEY: shared, OCP_HOST_TOOLS_KEYS: "PROXY_API_KEY" },
    callers: [
      { who: "the shared key", headers: () => bearer(shared), has: true },
      { who: "a key that is no longer named", headers: ({ named }) => bearer(named!), has: false },
    ],
  },
  { mode: "multi", env: { CLAUDE_AUTH_MODE: "multi" }, callers: everywhere },
];

const common = {
  CLAUDE_ALLOWED_TOOLS: "Read,Bash",
  OCP_HOST_TOOLS_LAN: "1",
  OCP_HOST_TOOLS_KEYS: "named",
  OCP_ADMIN_KEY: admin,
  PROXY_ANONYMOUS_KEY: guests,
  OCP_LIVE_MAX: "8",
};

interface Stage extends AsyncDisposable {
  ocp: Ocp;
  simulator: Simulator;
  temp: Temp;
  keys: Record<string, string>;
  /** Has the model call Bash and then say what it was told; resolves to what came of it. */
  ask(headers: Record<string, string>, messages?: unknown[]): Promise<Outcome>;
}

interface Outcome {
  status: number;
  body: any;
  /** Whether Bash ran. */
  ran: boolean;
  /** The tools that each request upstream offered. */
  offered: string[][];
}

async function setStage(env: Record<string, string | undefined>, cli: (typeof cliVersions)[number]): Promise<Stage> {
  const temp = await createTemp();
  const simulator = startSimulator();
  const ocp = await startOcp({ target: "binary", simulator, temp, cli, env: { ...common, ...env } });
  const keys: Record<string, string> = {};
  for (const name of ["named", "other"]) keys[name] = await createKey(ocp, name);
  const proof = join(temp.path, "it-ran");
  return {
    ocp,
    simulator,
    temp,
    keys,
    async ask(headers, messages = [user("Do it.")]) {
      rmSync(proof, { force: true });
      simulator.reset();
      const call = { type: "tool_use" as const, name: "Bash", input: { command: `touch ${proof}`, description: "x" } };
      simulator.play(({ number }) => (number === 1 ? { blocks: ["I do it.", call] } : { blocks: ["Done."] }));
      const body = JSON.stringify({ messages });
      const response = await fetch(`${ocp.url}/v1/chat/completions`, { method: "POST", headers, body });
      const offered = messageRequests(simulator).map(({ body }) => namesOf((body as any)?.tools));
      return { status: response.status, body: await response.json(), ran: existsSync(proof), offered };
    },
    async [Symbol.asyncDispose]() {
      await ocp[Symbol.asyncDispose]();
      await simulator.stop();
      await temp.remove();
    },
  };
}

const namesOf = (tools: Array<{ name: string }> | undefined) => (tools ?? []).map(({ name }) => name).sort();

async function createKey({ url }: Ocp, name: string): Promise<string> {
  const response = await fetch(`${url}/api/keys`, {
    method: "POST",
    headers: bearer(admin),
    body: JSON.stringify({ name }),
  });
  return ((await response.json()) as any).key;
}

describe.each(modes)("in the auth mode $mode", ({ env, callers }) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await setStage(env, "newest");
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(callers.filter(({ has }) => has))("$who has the tools of this machine", async ({ headers }) => {
    const { status, body, ran, offered } = await stage.ask(headers(stage.keys));
    expect({ status, ran, offered }).toEqual({
      status: 200,
      ran: true,
      offered: [
        ["Bash", "Read"],
        ["Bash", "Read"],
      ],
    });
    expect(body.choices[0].message.content).toContain("Done.");
  });

  test.each(callers.filter(({ has }) => !has))("$who has none, and is answered", async ({ headers }) => {
    const called = await stage.ask(headers(stage.keys));
    expect(called.ran).toBe(false);
    expect(called.offered.flat()).toEqual([]);
    expect(called.status).toBeOneOf([200, 502]);
    stage.simulator.reset();
    stage.simulator.play(() => ({ blocks: ["Words alone."] }));
    const response = await fetch(`${stage.ocp.url}/v1/chat/completions`, {
      method: "POST",
      headers: headers(stage.keys),
      body: JSON.stringify({ messages: [user("Say it.")] }),
    });
    expect(response.status).toBe(200);
    expect(((await response.json()) as any).choices[0].message.content).toBe("Words alone.");
    expect(messageRequests(stage.simulator).map(({ body }) => namesOf((body as any).tools))).toEqual([[]]);
  });
});

describe.each(cliVersions)("with the %s CLI", (cli) => {
  let stage: Stage;
  let temp: Temp;
  beforeAll(async () => {
    temp = await createTemp();
    const file = join(temp.path, "mcp.json");
    const program = join(import.meta.dir, "..", "config", "effects", "mcp-server.ts");
    writeFileSync(file, JSON.stringify({ mcpServers: { house: { command: process.execPath, args: [program] } } }));
    stage = await setStage(
      {
        CLAUDE_MCP_CONFIG: file,
        CLAUDE_CACHE_TTL: "60000",
        OCP_SPARES: "1",
        CLAUDE_ALLOWED_TOOLS: "Bash,mcp__house__lamp",
      },
      cli,
    );
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await temp.remove();
  });
  beforeEach(() => stage.simulator.reset());

  test("a stranger has no server of CLAUDE_MCP_CONFIG either, whom the owner's asked before", async () => {
    const own = await stage.ask({}, [user("Light it.")]);
    expect(own.ran).toBe(true);
    expect(own.offered[0]).toContain("Bash");
    expect(own.offered[0]?.join()).toContain("lamp");
    for (const headers of [forwarded, bearer(guests), bearer(stage.keys.other!)]) {
      const { ran, offered } = await stage.ask(headers, [user("Light it.")]);
      expect({ ran, offered: offered.flat() }).toEqual({ ran: false, offered: [] });
    }
  });

  test("a stranger gets no process and no kept answer of somebody who has the tools, and the other way round", async () => {
    const opening = [user("Do it.")];
    const own = await stage.ask({}, opening);
    const ownSessions = new Set(messageRequests(stage.simulator).map(sessionOf));
    const next = [...opening, assistant(own.body.choices[0].message.content), user("Do it.")];
    const foreign = await stage.ask(forwarded, next);
    expect({ ran: foreign.ran, offered: foreign.offered.flat() }).toEqual({ ran: false, offered: [] });
    const foreignSessions = messageRequests(stage.simulator).map(sessionOf);
    expect(foreignSessions.filter((session) => ownSessions.has(session))).toEqual([]);
    const again = await stage.ask({}, next);
    expect(again.ran).toBe(true);
    const sessions = messageRequests(stage.simulator).map(sessionOf);
    expect(sessions.filter((session) => foreignSessions.includes(session))).toEqual([]);
  });

  test("a key loses them with its name, and has them again with it", async () => {
    const rename = (from: string, to: string) =>
      fetch(`${stage.ocp.url}/api/keys/${from}`, {
        method: "PATCH",
        headers: bearer(admin),
        body: JSON.stringify({ name: to }),
      });
    const headers = bearer(stage.keys.named!);
    expect((await stage.ask(headers)).ran).toBe(true);
    expect((await rename("named", "unnamed")).status).toBe(200);
    const lost = await stage.ask(headers);
    expect({ ran: lost.ran, offered: lost.offered.flat() }).toEqual({ ran: false, offered: [] });
    expect((await rename("unnamed", "named")).status).toBe(200);
    expect((await stage.ask(headers)).ran).toBe(true);
  });

  test("answers of callers who have none are kept, those of others are not", async () => {
    const twice = async (headers: Record<string, string>, question: string) => {
      stage.simulator.reset();
      stage.simulator.play(() => ({ blocks: ["Kept or not."] }));
      const body = JSON.stringify({ messages: [user(question)] });
      for (let time = 0; time < 2; time++) {
        await (await fetch(`${stage.ocp.url}/v1/chat/completions`, { method: "POST", headers, body })).text();
      }
      return messageRequests(stage.simulator).length;
    };
    expect(await twice(forwarded, "Twice by a stranger.")).toBe(1);
    expect(await twice({}, "Twice by the owner.")).toBe(2);
  });
});

test("in the interactive mode a stranger behind a proxy has none, although OCP_TUI_FULL_TOOLS lets them in", async () => {
  const interactive = { CLAUDE_TUI_MODE: "1", OCP_TUI_FULL_TOOLS: "1", OCP_TUI_POOL_SIZE: "1" };
  const env = { ...interactive, PROXY_ANONYMOUS_KEY: undefined };
  await using stage = await setStage(env, "newest");
  const own = await stage.ask({});
  expect({ ran: own.ran, offered: own.offered[0] }).toEqual({ ran: true, offered: ["Bash", "Read"] });
  const foreign = await stage.ask(forwarded);
  expect({ ran: foreign.ran, offered: foreign.offered.flat() }).toEqual({ ran: false, offered: [] });
}, 120_000);

describe("a start", () => {
  const tools = { CLAUDE_ALLOWED_TOOLS: "Read" };
  test.each([
    [{ ...tools, PROXY_ANONYMOUS_KEY: guests }, "PROXY_ANONYMOUS_KEY"],
    [{ ...tools, PROXY_ANONYMOUS_KEY: guests, OCP_HOST_TOOLS_KEYS: "named" }, "PROXY_ANONYMOUS_KEY"],
    [{ ...tools, CLAUDE_AUTH_MODE: "multi" }, "multi"],
    [{ ...tools, CLAUDE_BIND: "0.0.0.0" }, "loopback"],
    [{ CLAUDE_MCP_CONFIG: "/tmp/mcp.json", CLAUDE_BIND: "0.0.0.0" }, "loopback"],
    [{ CLAUDE_SKIP_PERMISSIONS: "1", CLAUDE_AUTH_MODE: "multi" }, "multi"],
  ])("that lets others ask beside them is refused: %j", async (env, word) => {
    const { code, stderr } = await runOcp("binary", ["serve", "--port", "0"], env);
    expect(code).toBe(2);
    expect(stderr).toContain(word);
    expect(stderr).toContain("OCP_HOST_TOOLS_LAN=1");
  });

  test("says for whom they are, and names that no key has", async () => {
    await using stage = await setStage({ OCP_HOST_TOOLS_KEYS: "named, missing" }, "newest");
    await stage.ocp.said("there is no key missing yet");
    expect(stage.ocp.stderr()).toContain("for the admin and programs on it, and for the keys named, missing");
    const { config } = (await (await fetch(`${stage.ocp.url}/health`)).json()) as any;
    expect(config).toMatchObject({ allowedTools: ["Read", "Bash"], hostToolsKeys: ["named", "missing"] });
  });
});
