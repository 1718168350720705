/** `ocp connect`, `ocp connect --status` and `ocp disconnect` as a user types them. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary } from "../harness/claude.ts";
import { needs } from "../harness/needs.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { filesOf } from "./machine.ts";
import { createUser } from "./shell.ts";
import { key as standInKey, startStandIn } from "./stand-in.ts";

const key = "ocp_shared_0123456789abcdef";
const opencodeFile = ".config/opencode/opencode.jsonc";
const opencodeText = '{\n  // mine\n  "theme": "dark",\n}\n';

describe.each(targets())("ocp connect (%s)", (target) => {
  let simulator: Simulator;
  let ocp: Ocp;
  let address: string;

  beforeAll(async () => {
    simulator = startSimulator();
    ocp = await startOcp({ target, simulator, env: { CLAUDE_AUTH_MODE: "shared", PROXY_API_KEY: key } });
    address = ocp.url.replace("http://", "");
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });

  test("configures what is here, asks each API once, says what points where, and takes all of it back", async () => {
    await using user = await createUser(target);
    user.put(opencodeFile, opencodeText);
    user.put(".codex/config.toml", "# mine\n");
    user.put(".zshrc", "# mine");
    user.put(".config/fish/config.fish", "");
    const before = filesOf(user);

    const connected = await user.run(["connect", address, "--key", key, "--json"]);
    expect(connected.code).toBe(0);
    const { clients, absent, url } = JSON.parse(connected.stdout);
    expect(url).toBe(ocp.url);
    expect(clients.map(({ id, outcome }: { id: string; outcome: string }) => `${id} ${outcome}`)).toEqual([
      "shell configured",
      "opencode configured",
      "codex configured",
    ]);
    expect(clients[1].answers).toEqual({ api: "chat", ms: expect.any(Number) });
    expect(clients[2].answers.api).toBe("responses");
    expect(absent).toContain("zed");
    const asked = simulator.requests.filter(({ body }) => JSON.stringify(body).includes("Answer with the one word"));
    expect(asked).toHaveLength(2);

    const env = readFileSync(join(user.home, ".config/ocp/env.sh"), "utf8");
    expect(env).toContain(`export OPENAI_BASE_URL='${ocp.url}/v1'`);
    expect(env).not.toContain("ANTHROPIC");

    const status = await user.run(["connect", "--status"]);
    expect(status.code).toBe(0);
    expect(status.stdout).toContain(`${ocp.url} answers.`);
    expect(status.stdout).toMatch(/opencode +http:\S+ +\S+opencode\.jsonc +as written/);

    const disconnected = await user.run(["disconnect"]);
    expect(disconnected.code).toBe(0);
    expect(disconnected.stdout).toMatch(/Codex +\S+config\.toml +as it was before/);
    expect(filesOf(user)).toEqual(before);
    expect(existsSync(join(user.home, ".config/ocp"))).toBe(false);
    for (const { stdout, stderr } of [connected, status, disconnected]) expect(stdout + stderr).not.toContain(key);
  });

  for (const [shell, rc, needing] of [
    ["sh", ".config/ocp/env.sh", needs()],
    ["bash", ".config/ocp/env.sh", needs("bash")],
    ["zsh", ".zshrc", needs("zsh")],
    ["fish", ".config/fish/config.fish", needs("fish")],
  ] as const)
    needing.test(`gives ${shell} the server's URL and the key`, async () => {
      await using user = await createUser(target);
      user.put(".zshrc", "# mine");
      user.put(".config/fish/config.fish", "");
      expect((await user.run(["connect", address, "--key", key])).code).toBe(0);
      const source = shell === "fish" ? "source" : ".";
      const script = `${source} "$HOME/${rc}" && printf '%s %s' "$OPENAI_API_KEY" "$OPENAI_BASE_URL"`;
      const told = Bun.spawnSync([shell, "-c", script], { env: { HOME: user.home, PATH: process.env.PATH ?? "" } });
      expect(told.stdout.toString()).toBe(`${key} ${ocp.url}/v1`);
    });

  test("shows what would change, without the key, and writes nothing with --dry-run", async () => {
    await using user = await createUser(target);
    user.put(opencodeFile, opencodeText);
    const before = filesOf(user);
    const { code, stdout } = await user.run(["connect", address, "--key", key, "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toContain("Nothing was written.");
    expect(stdout).toMatch(/^ +\+ +"apiKey": "ocp_sh\.\.\."$/m);
    expect(stdout).toMatch(/^ +"theme": "dark",$/m);
    expect(stdout).not.toContain(key);
    expect(filesOf(user)).toEqual(before);
    expect((await user.run(["disconnect"])).stdout).toBe("Nothing is connected here.\n");
  });

  test("takes the clients that are named, and leaves those that are not", async () => {
    await using user = await createUser(target);
    const only = await user.run(["connect", address, "--key", key, "--only", "zed,cursor", "--json"]);
    expect(JSON.parse(only.stdout).clients).toMatchObject([
      { id: "zed", outcome: "configured" },
      { id: "cursor", outcome: "hint" },
    ]);
    expect(existsSync(join(user.home, ".config/ocp/env.sh"))).toBe(false);
    user.put(".codex/config.toml", "");
    const rest = await user.run(["connect", address, "--no-shell", "--except", "zed", "--json"]);
    expect(JSON.parse(rest.stdout).clients).toMatchObject([{ id: "codex", outcome: "configured" }]);
    await user.run(["disconnect", "--only", "zed"]);
    expect(existsSync(join(user.home, ".config/zed"))).toBe(false);
    expect(readFileSync(join(user.home, ".codex/config.toml"), "utf8")).toContain(ocp.url);
    const wrong = await user.run(["connect", address, "--only", "codx"]);
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toContain('There is no client "codx". Did you mean codex?');
  });

  test("asks for the key on a terminal, does not show it, and asks before it writes", async () => {
    await using user = await createUser(target);
    user.put(opencodeFile, opencodeText);
    const refused = await user.type(
      ["connect", address],
      [
        ["The key for", "ocp_wrong_000000000"],
        ["does not know this key", ""],
      ],
    );
    expect(refused.code).toBe(1);
    const declined = await user.type(
      ["connect", address],
      [
        ["The key for", key],
        ["Write this?", "n"],
      ],
    );
    expect(declined).toMatchObject({ code: 0, stderr: "" });
    expect(declined.stdout).toContain("Nothing was written.");
    expect(Object.keys(filesOf(user))).toEqual([opencodeFile]);
    const agreed = await user.type(
      ["connect", address],
      [
        ["The key for", key],
        ["Write this?", "y"],
      ],
    );
    expect(agreed).toMatchObject({ code: 0, stderr: "" });
    expect(agreed.stdout).toMatch(/opencode +configured/);
    for (const { stdout } of [refused, declined, agreed]) expect(stdout).not.toMatch(new RegExp(`${key}|ocp_wrong`));
    expect(readFileSync(join(user.home, opencodeFile), "utf8")).toContain(key);
  });

  test("asks on a terminal what OpenClaw is to call it, and whether it goes first", async () => {
    await using user = await createUser(target);
    user.put(".openclaw/openclaw.json", "{ agents: { defaults: { model: 'theirs/x' } } }\n");
    const { code, stderr } = await user.type(
      ["connect", address, "--key", key, "--no-shell"],
      [
        ["the name of the provider?", "home"],
        ["as primary or backup?", ""],
        ["Write this?", "y"],
      ],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const written = readFileSync(join(user.home, ".openclaw/openclaw.json"), "utf8");
    expect(written).toMatch(/"home": \{/);
    expect(written).toMatch(/"primary": "theirs\/x",\s+"fallbacks": \[\s+"home\/claude-sonnet-5-5"/);
  });

  test("leaves Claude Code alone in the home that the server runs from, and only there", async () => {
    const inHome = await (async () => {
      const child = Bun.spawn(
        [
          process.execPath,
          join(import.meta.dir, "..", "..", "src", "main.ts"),
          "connect",
          address,
          "--key",
          key,
          "--only",
          "claude-code",
          "--json",
        ],
        {
          env: { PATH: process.env.PATH ?? "", HOME: ocp.home, NODE_ENV: "test" },
          stdin: "ignore",
          stdout: "pipe",
          stderr: "ignore",
        },
      );
      return JSON.parse(await child.stdout.text());
    })();
    expect(inHome.clients).toMatchObject([
      { id: "claude-code", outcome: "refused", why: expect.stringContaining("would then ask the server") },
    ]);
    expect(existsSync(join(ocp.home, ".claude/settings.json"))).toBe(false);

    await using user = await createUser(target);
    const { stdout } = await user.run(["connect", address, "--key", key, "--only", "claude-code", "--json"]);
    expect(JSON.parse(stdout).clients).toMatchObject([{ outcome: "configured", answers: { api: "messages" } }]);
  });

  test("says of a file that it does not understand that it is left alone, writes the others, and fails", async () => {
    await using user = await createUser(target);
    user.put(opencodeFile, "{ broken");
    user.put(".codex/config.toml", "");
    const { code, stdout } = await user.run(["connect", address, "--key", key, "--no-shell"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/opencode +FAILED +\S+opencode\.jsonc cannot be understood \(.+\), so it is left alone\./);
    expect(stdout).toMatch(/Codex +configured/);
    expect(readFileSync(join(user.home, opencodeFile), "utf8")).toBe("{ broken");
  });

  test("a claude on the PATH is found", async () => {
    await using user = await createUser(target);
    const env = { PATH: `${claudeBinary().replace(/\/claude$/, "")}:${process.env.PATH}` };
    const { stdout } = await user.run(["connect", address, "--key", key, "--dry-run", "--json"], env);
    expect(JSON.parse(stdout).clients.map(({ id }: { id: string }) => id)).toContain("claude-code");
  });
});

describe("what is at the address", () => {
  const connect = async (address: string, args: string[] = ["--key", standInKey]) => {
    await using user = await createUser("source");
    const { code, stderr } = await user.run(["connect", address, ...args]);
    return `${code} ${stderr}`;
  };

  test.each<[string, unknown, RegExp]>([
    ["no JSON", "<html>", /^1 ocp: Something answers at http:\S+ \(200\), but it is not OCP\.$/m],
    ["another JSON", { status: "ok" }, /it is not OCP/],
    [
      "an older OCP",
      { status: "ok", version: "3.29.3", authMode: "none" },
      /^1 ocp: The server at \S+ is OCP 3\.29\.3, whose clients have no tools\./m,
    ],
    [
      "a version that is none",
      { status: "ok", version: "\u001b[2J", authMode: "none" },
      /^1 ocp: Something answers at \S+, but its version is none of OCP\.$/m,
    ],
  ])("%s", async (_, health, expected) => {
    await using server = startStandIn({ health });
    expect(await connect(server.address)).toMatch(expected);
  });

  test("nothing", async () => {
    const closed = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { port } = closed;
    await closed.stop(true);
    expect(await connect(`127.0.0.1:${port}`)).toMatch(
      /^1 ocp: Nothing listens at http:\S+\. On the server, `ocp lan`/,
    );
  });

  test("no name", async () => {
    expect(await connect("no-such-host.invalid")).toMatch(/^1 ocp: no-such-host\.invalid cannot be reached/);
  });

  test.each(["http://", "ftp://x", "a b", "x/?q"])("%j is no address", async (address) => {
    expect(await connect(address)).toMatch(/^2 ocp: ".*" is no address of a server\./);
  });

  test("a key for guests, where the owner gives it to all, is taken without a question", async () => {
    const health = { status: "ok", version: "4.1.0", authMode: "multi", anonymousKey: standInKey };
    await using server = startStandIn({ health });
    await using user = await createUser("source");
    const { code } = await user.run(["connect", server.address, "--only", "zed", "--json"]);
    expect(code).toBe(0);
    expect(server.requests.filter(({ path }) => path.startsWith("POST")).map((each) => each.key)).toEqual([standInKey]);
  });

  test("a server that asks for no key gets none, and clients that want one get a word for it", async () => {
    await using server = startStandIn({ key: null });
    await using user = await createUser("source");
    await user.run(["connect", server.address, "--only", "opencode"]);
    expect(server.requests.map((each) => each.key)).toEqual(server.requests.map(() => null));
    expect(readFileSync(join(user.home, ".config/opencode/opencode.json"), "utf8")).toContain('"apiKey": "none"');
  });

  test("a server that lists models and does not answer is a failure, and stays written", async () => {
    const answer = () => Response.json({ error: { message: "no \u001b[2Jlogin" } }, { status: 401 });
    await using server = startStandIn({ answer });
    await using user = await createUser("source");
    const { code, stdout } = await user.run(["connect", server.address, "--key", standInKey, "--only", "zed"]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "It is written, but the server did not answer it: /v1/chat/completions: 401, no  [2Jlogin",
    );
    expect(existsSync(join(user.home, ".config/zed/settings.json"))).toBe(true);
  });

  test("a server that is gone, or has forgotten the key, shows in --status", async () => {
    await using user = await createUser("source");
    {
      await using server = startStandIn();
      await user.run(["connect", server.address, "--key", standInKey, "--only", "zed"]);
      rmSync(join(user.home, ".config/zed/settings.json"));
    }
    const { code, stdout } = await user.run(["connect", "--status"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/Zed .* gone\n/);
    expect(stdout).toContain("Nothing listens at");
  });
});

test("a record that is damaged is named, and nothing is done", async () => {
  await using user = await createUser("source");
  for (const text of ["", "{", "[]", '{"version":1,"url":"x","since":0,"undo":[],"files":[{}]}']) {
    user.put(".config/ocp/connect.json", text);
    const { code, stderr } = await user.run(["disconnect"]);
    expect(code).toBe(1);
    expect(stderr).toContain("connect.json is damaged, so what was written is not known.");
  }
});
