/** A session of the CLI asks no host but the API: everything else would go through the proxy here, which writes it down. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { baseEnvironment } from "../../src/claude/recipe.ts";
import { claudeBinary, cliVersions } from "../harness/claude.ts";
import { processesAtHome, waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";
import { called, calls, type Driven, drive, result, said, tool, toolbox, user } from "./engine.ts";
import { type RefusingProxy, startRefusingProxy } from "./proxy.ts";
import { driveTerminal } from "./terminal.ts";

/** How long, in ms, a session is left alone; 2.1.330 asked for its marketplace within the first second. */
const idle = 4_000;

const through = ({ url }: RefusingProxy) => ({
  PATH: process.env.PATH,
  HTTP_PROXY: url,
  HTTPS_PROXY: url,
  http_proxy: url,
  https_proxy: url,
});

const host = { allowed: ["Read"], mcpConfig: undefined, skipPermissions: false, keys: [] };
const login = {
  claudeAiOauth: {
    accessToken: "sk-ant-oat01-file",
    refreshToken: "sk-ant-ort01-file",
    expiresAt: Date.now() + 8 * 3_600_000,
    scopes: ["user:inference", "user:profile"],
    subscriptionType: "max",
  },
};

interface Mode {
  name: string;
  start(cli: (typeof cliVersions)[number], environment: Record<string, string | undefined>): Promise<Driven>;
  takesTools: boolean;
  prefix: string;
  ownLogin?: true;
}

const modes: Mode[] = [
  {
    name: "headless",
    start: (cli, environment) => drive(cli, { environment, spares: 1 }),
    takesTools: true,
    prefix: "",
  },
  {
    name: "headless in the owner's home",
    start: (cli, environment) => drive(cli, { environment, oauthToken: undefined, spawnRealHome: true }),
    takesTools: true,
    prefix: "",
    ownLogin: true,
  },
  {
    name: "headless with tools of this host",
    start: (cli, environment) => drive(cli, { environment, hostTools: host }),
    takesTools: false,
    prefix: "",
  },
  {
    name: "interactive",
    start: (cli, environment) => driveTerminal(cli, { poolSize: 1 }, { environment }),
    takesTools: true,
    prefix: "mcp__c__",
  },
  {
    name: "interactive with tools of this host",
    start: (cli, environment) => driveTerminal(cli, {}, { environment, hostTools: host }),
    takesTools: false,
    prefix: "mcp__c__",
  },
];

describe.each(cliVersions.flatMap((cli) => modes.map((mode) => ({ cli, mode, name: mode.name }))))(
  "$name ($cli CLI)",
  ({ cli, mode }) => {
    test("asks nobody but the API, from its start over its turns and an idle while to its end", async () => {
      await using proxy = startRefusingProxy();
      await using driven = await mode.start(cli, through(proxy));
      mkdirSync(join(driven.home, ".claude"), { recursive: true });
      writeFileSync(join(driven.home, ".claude", ".credentials.json"), JSON.stringify(login), { mode: 0o600 });
      const tools = mode.takesTools ? { toolbox: toolbox(tool("read_file")) } : {};
      driven.simulator.play(({ number }) =>
        number === 1 && mode.takesTools
          ? { blocks: [called("toolu_1", `${mode.prefix}read_file`)] }
          : { blocks: ["Done."] },
      );
      const first = await driven.turn([user("Do it.")], tools, "local");
      const results = calls(first).map(({ id }) => result(id, "the content"));
      const next = [user("Do it."), said(first), user(...(results.length > 0 ? results : ["And more."]))];
      expect((await driven.turn(next, tools, "local")).content).toEqual([{ type: "text", text: "Done." }]);
      await Bun.sleep(idle);
      await driven.engine.close(0);
      await waitUntil("nobody is left", () => processesAtHome(driven.home).length === 0);
      // With the owner's own login the CLI asks the API itself who that is.
      const api = mode.ownLogin ? "CONNECT api.anthropic.com:443 HTTP/1.1" : "nobody";
      expect(proxy.asked.filter((line) => line !== api)).toEqual([]);
      const paths = new Set(driven.simulator.requests.map(({ method, path }) => `${method} ${path}`));
      expect([...paths].filter((each) => !/^(POST \/v1\/messages|HEAD \/)$/.test(each))).toEqual([]);
    }, 60_000);
  },
);

test.each(cliVersions)("`claude --version` asks nobody (%s)", async (cli) => {
  await using proxy = startRefusingProxy();
  await using temp = await createTemp();
  const env = { ...through(proxy), PATH: process.env.PATH ?? "", HOME: temp.home, DISABLE_AUTOUPDATER: "1" };
  const child = Bun.spawn([claudeBinary(cli), "--version"], {
    env,
    cwd: temp.path,
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(await child.stdout.text()).toMatch(/^\d+\.\d+\.\d+/);
  expect(await child.exited).toBe(0);
  expect(proxy.asked).toEqual([]);
});

test("the proxy sees what a session asks where it is let: the plugins' marketplace, by the newest CLI", async () => {
  await using proxy = startRefusingProxy();
  await using temp = await createTemp();
  const env = baseEnvironment({
    identity: { kind: "isolated", home: temp.home, token: "sk-ant-oat01-test" },
    scratch: temp.path,
    temporary: join(temp.path, "tmp"),
    hostTools: null,
    upstreamUrl: "http://127.0.0.1:9",
    environment: through(proxy),
  });
  expect(env.CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL).toBe("1");
  delete env.CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL;
  const configuration = {
    hasCompletedOnboarding: true,
    projects: { [temp.path]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
  writeFileSync(join(temp.home, ".claude.json"), JSON.stringify(configuration));
  const child = Bun.spawn([claudeBinary("newest"), "--setting-sources", "", "--strict-mcp-config", "--tools", ""], {
    env: { ...env, TERM: "xterm-256color" },
    cwd: temp.path,
    terminal: { cols: 100, rows: 30, data() {} },
  });
  try {
    await waitUntil("another host is asked", () => proxy.asked.length > 0, 20_000);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}, 30_000);
