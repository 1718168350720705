/** Settings that hold from the start of a server to its end. */

import { expect } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../../../src/demo/simulator.ts";
import { ask, user } from "../../chat/client.ts";
import { hour, login, serverWithLogin } from "../../chat/login.ts";
import { runOcp } from "../../cli/run.ts";
import { descendants, waitUntil } from "../../harness/processes.ts";
import { type Bench, type Effect, freePort, hang, silence } from "./bench.ts";

const hi = { messages: [user("Hi.")] };
const key = "a-key-of-the-owner";
const models = (url: string, presented: string) =>
  fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${presented}` } });

async function interactive(bench: Bench, env: Record<string, string>): Promise<any> {
  const ocp = await bench.start({ env: { CLAUDE_TUI_MODE: "1", ...env } });
  return (await fetch(`${ocp.url}/health`)).json();
}

export const start: Record<string, Effect> = {
  async port(bench) {
    const port = await freePort();
    const ocp = await bench.start({ portByEnvironment: true, env: { CLAUDE_PROXY_PORT: String(port) } });
    expect(ocp.url).toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`${ocp.url}/health`)).status).toBe(200);
  },

  async bind(bench) {
    const instance = crypto.randomUUID();
    const ocp = await bench.start({ env: { CLAUDE_BIND: "127.0.0.2", OCP_INSTANCE_NAME: instance } });
    const { hostname, port } = new URL(ocp.url);
    expect(hostname).toBe("127.0.0.2");
    // Another program may have that port of another address.
    const answerOf = (url: string) => fetch(`${url}/health`).then((response) => response.text(), String);
    expect(await answerOf(ocp.url)).toContain(instance);
    expect(await answerOf(`http://127.0.0.1:${port}`)).not.toContain(instance);
  },

  async claudeBin({ fake }) {
    const { ocp, cli, health } = await fake();
    expect((await health()).claudeBinary).toBe(cli.bin);
    // What the scripted program says, and no other.
    expect((await ask(ocp, hi)).body.choices[0].message.content).toBe("Hello world");
  },

  async authMode(bench) {
    const env = { PROXY_API_KEY: key, CLAUDE_AUTH_MODE: "none" };
    const ocp = await bench.start({ env });
    expect((await models(ocp.url, "a-wrong-key")).status).toBe(200);
    const multi = await bench.start({ env: { ...env, CLAUDE_AUTH_MODE: "multi" } });
    expect((await models(multi.url, key)).status).toBe(401);
  },

  async proxyApiKey(bench) {
    const ocp = await bench.start({ env: { PROXY_API_KEY: key } });
    expect((await models(ocp.url, key)).status).toBe(200);
    expect((await models(ocp.url, "a-wrong-key")).status).toBe(401);
  },

  async oauthToken({ real }) {
    const { ocp, simulator } = await real();
    await ask(ocp, hi);
    expect((await simulator.message(1)).headers.authorization).toBe("Bearer sk-ant-oat01-of-the-settings");
  },

  async upstreamUrl({ real }) {
    const { ocp, simulator } = await real();
    await ask(ocp, { messages: [user("Who is there?")] });
    expect(JSON.stringify((await simulator.message(1)).body)).toContain("Who is there?");
  },

  async allowedTools({ target }) {
    await using server = await serverWithLogin(target, null, {
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
      CLAUDE_ALLOWED_TOOLS: "Read, Grep",
    });
    await ask(server.ocp, hi);
    const { tools } = (await server.simulator.message(1)).body as { tools?: Array<{ name: string }> };
    expect(tools?.map(({ name }) => name).sort()).toEqual(["Grep", "Read"]);
  },

  async mcpConfig({ target, temp }) {
    const file = join(temp.path, "mcp.json");
    const program = join(import.meta.dir, "mcp-server.ts");
    writeFileSync(file, JSON.stringify({ mcpServers: { house: { command: process.execPath, args: [program] } } }));
    await using server = await serverWithLogin(target, null, {
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
      CLAUDE_MCP_CONFIG: file,
      CLAUDE_ALLOWED_TOOLS: "mcp__house__lamp",
    });
    server.simulator.play(({ number }) =>
      number === 1 ? { blocks: [{ type: "tool_use", name: "mcp__house__lamp", input: {} }] } : { blocks: ["Done."] },
    );
    await ask(server.ocp, hi);
    expect(JSON.stringify((await server.simulator.message(2)).body?.messages)).toContain("the lamp is lit");
  },

  async skipPermissions({ fake, start: begin }) {
    const { cli } = await fake();
    cli.says(silence);
    const flags = async (env: Record<string, string>) => {
      const ocp = await begin({ env: { CLAUDE_BIN: cli.bin, CLAUDE_ALLOWED_TOOLS: "Read", ...env } });
      const { leave } = hang(ocp, "Hello?");
      const [child] = await waitUntil("the CLI runs", () => {
        const found = descendants(ocp.pid).filter(({ command }) => command.includes("stream-json"));
        return found.length > 0 && found;
      });
      leave();
      return child?.command;
    };
    expect(await flags({ CLAUDE_SKIP_PERMISSIONS: "true" })).toContain("--dangerously-skip-permissions");
    expect(await flags({})).not.toContain("--dangerously-skip-permissions");
  },

  async hostToolsLan({ target, start: begin }) {
    const env = { CLAUDE_ALLOWED_TOOLS: "Read", CLAUDE_BIND: "0.0.0.0" };
    const { code, stderr } = await runOcp(target, ["serve", "--port", "0"], env);
    expect(code).toBe(2);
    expect(stderr).toContain("OCP_HOST_TOOLS_LAN");
    const ocp = await begin({ env: { ...env, OCP_HOST_TOOLS_LAN: "1" } });
    expect((await fetch(`${ocp.url}/health`)).status).toBe(200);
  },

  async hostToolsKeys({ target, start: begin }) {
    const simulator = startSimulator();
    const env = { CLAUDE_ALLOWED_TOOLS: "Read", PROXY_API_KEY: key };
    const offered = async (names: Record<string, string>) => {
      const { url } = await begin({ simulator, env: { ...env, ...names } });
      simulator.reset();
      const headers = { authorization: `Bearer ${key}` };
      await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(hi) });
      const { tools = [] } = (await simulator.message(1)).body as { tools?: Array<{ name: string }> };
      return tools.map(({ name }) => name);
    };
    expect(await offered({})).toEqual([]);
    expect(await offered({ OCP_HOST_TOOLS_KEYS: "PROXY_API_KEY" })).toEqual(["Read"]);
    await simulator.stop();
    const multi = { ...env, CLAUDE_AUTH_MODE: "multi" };
    expect((await runOcp(target, ["serve", "--port", "0"], multi)).stderr).toContain("OCP_HOST_TOOLS_KEYS");
  },

  async tuiMode(bench) {
    expect((await interactive(bench, {})).tui).toMatchObject({ enabled: true, singleUser: true });
    for (const env of [
      { CLAUDE_AUTH_MODE: "multi" },
      { PROXY_ANONYMOUS_KEY: "the-key-of-guests" },
      { CLAUDE_ALLOWED_TOOLS: "Read", CLAUDE_SKIP_PERMISSIONS: "1" },
    ]) {
      const failure = await bench.start({ env: { CLAUDE_TUI_MODE: "1", ...env } }).catch(String);
      expect(failure).toContain("The interactive mode (CLAUDE_TUI_MODE) is for one person");
    }
  },

  async tuiAllowLan(bench) {
    const env = { CLAUDE_TUI_MODE: "1", CLAUDE_BIND: "0.0.0.0" };
    expect(await bench.start({ env }).catch(String)).toContain("OCP_TUI_ALLOW_LAN=1");
    const allowed = { CLAUDE_TUI_MODE: "1", CLAUDE_BIND: "127.0.0.1", OCP_TUI_ALLOW_LAN: "1" };
    expect((await bench.start({ env: allowed })).url).toStartWith("http://");
  },

  async tuiWallclock(bench) {
    const simulator = startSimulator({ scenario: () => ({ blocks: ["late"], delayMs: 20_000 }) });
    const ocp = await bench.start({ simulator, env: { CLAUDE_TUI_MODE: "1", CLAUDE_TUI_WALLCLOCK_MS: "3000" } });
    const { status, body } = await ask(ocp, hi);
    await simulator.stop();
    expect(status).toBe(504);
    expect(JSON.stringify(body)).toContain("CLAUDE_TUI_WALLCLOCK_MS");
  },

  async tuiMaxConcurrent(bench) {
    const simulator = startSimulator({ scenario: () => ({ blocks: ["ok"], delayMs: 1_500 }) });
    const env = { CLAUDE_TUI_MODE: "1", OCP_TUI_MAX_CONCURRENT: "3", CLAUDE_MAX_QUEUE: "1" };
    const ocp = await bench.start({ simulator, env });
    const answers = await Promise.all([1, 2, 3, 4].map((n) => ask(ocp, { messages: [user(`Question ${n}.`)] })));
    await simulator.stop();
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 503]);
  },

  async tuiPoolSize(bench) {
    expect((await interactive(bench, {})).tui.pool).toBe(null);
    expect((await interactive(bench, { OCP_TUI_POOL_SIZE: "3" })).tui.pool).toMatchObject({ size: 3, warm: 0 });
  },

  async tuiHome(bench) {
    const home = join(bench.temp.path, "tui-home");
    expect((await interactive(bench, { OCP_TUI_HOME: home })).tui.home).toBe(home);
    expect(existsSync(home)).toBe(true);
  },

  async tuiCwd(bench) {
    const cwd = join(bench.temp.path, "tui-cwd");
    expect((await interactive(bench, { OCP_TUI_CWD: cwd })).tui.cwd).toBe(cwd);
  },

  async tuiEntrypoint(bench) {
    const simulator = startSimulator();
    const env = { CLAUDE_TUI_MODE: "1", OCP_TUI_ENTRYPOINT: "off", CLAUDE_CODE_ENTRYPOINT: "sdk-cli" };
    const ocp = await bench.start({ simulator, env });
    await ask(ocp, hi);
    await simulator.stop();
    const { tui } = (await (await fetch(`${ocp.url}/health`)).json()) as any;
    expect(tui).toMatchObject({ entrypointMode: "off", lastEntrypoint: "sdk-cli", entrypointMismatches: 0 });
  },

  async tuiEffort(bench) {
    const simulator = startSimulator();
    const ocp = await bench.start({ simulator, env: { CLAUDE_TUI_MODE: "1", OCP_TUI_EFFORT: "medium" } });
    await ask(ocp, hi);
    await simulator.stop();
    expect(simulator.requests.find(({ path }) => path === "/v1/messages")?.body).toMatchObject({
      output_config: { effort: "medium" },
    });
  },

  async tuiFullTools(bench) {
    const simulator = startSimulator();
    for (const full of ["0", "1"]) {
      const env = { CLAUDE_TUI_MODE: "1", CLAUDE_ALLOWED_TOOLS: "Read", OCP_TUI_FULL_TOOLS: full };
      await ask(await bench.start({ simulator, env }), hi);
    }
    await simulator.stop();
    const asked = simulator.requests.filter(({ path }) => path === "/v1/messages");
    const tools = asked.map(({ body }) => ((body as any).tools ?? []).map(({ name }: any) => name));
    expect(tools).toEqual([[], ["Read"]]);
  },

  async spawnRealHome({ target }) {
    const token = login("sk-ant-oat01-stored", Date.now() + hour);
    await using server = await serverWithLogin(target, token, { OCP_SPAWN_REAL_HOME: "1" });
    const configuration = join(server.file, "..", ".claude.json");
    expect(existsSync(configuration)).toBe(false);
    expect((await ask(server.ocp, hi)).status).toBe(200);
    expect(server.tokens()).toEqual(["sk-ant-oat01-stored"]);
    // The CLI itself wrote it, in the owner's directory.
    expect(existsSync(configuration)).toBe(true);
    expect((await server.health()).spawn).toMatchObject({ mode: "real-home", isolated: false });
  },

  async instanceName({ fake }) {
    const { set, health } = await fake();
    await set({ instanceName: "the attic" });
    expect((await health()).instanceName).toBe("the attic");
  },
};
