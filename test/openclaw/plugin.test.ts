/** The chat command `/ocp`: what it says of a real server, and how it comes into OpenClaw and out again. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { createUser } from "../connect/shell.ts";
import { needs } from "../harness/needs.ts";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { listenAsOtherUser, otherUid } from "../harness/other-user.ts";
import { createTemp } from "../harness/temp.ts";
import { root } from "../imports.ts";

type Answer = (words: string, config: object, env: Record<string, string>) => Promise<string>;
const code = join(root, "src/openclaw/plugin/index.js");

describe("/ocp", () => {
  let simulator: Simulator;
  let ocp: Ocp;
  let answer: Answer;
  const admin = "ocp_admin_of_the_plugin";

  beforeAll(async () => {
    ({ answer } = (await import(code)) as { answer: Answer });
    simulator = startSimulator();
    ocp = await startOcp({
      target: "source",
      simulator,
      env: { CLAUDE_AUTH_MODE: "multi", OCP_TRUST_LOOPBACK: "false", OCP_ADMIN_KEY: admin },
    });
  });
  afterAll(async () => {
    await ocp[Symbol.asyncDispose]();
    await simulator.stop();
  });
  const say = (words: string, env: Record<string, string> = {}, config: object = {}) =>
    answer(words, config, { HOME: "/nowhere", OCP_PROXY_URL: ocp.url, OCP_ADMIN_KEY: admin, ...env });

  test("says how the server is, what it serves, and what is known of the plan", async () => {
    expect(await say("")).toMatch(/^OCP \d+\.\d+\.\d+: ok, up .*\nRequests: \d+/);
    expect(await say("health")).toMatch(/^OCP \d+\.\d+\.\d+: ok/);
    expect(await say("models")).toMatch(/^claude-/);
    expect(await say("usage")).toContain("The plan: nothing is known of it yet.");
  });

  test("creates a key, shows it once, lists it, and revokes it", async () => {
    const created = await say("keys add my phone");
    expect(created).toMatch(/^The key my phone was created\..*\nocp_[\w-]{20,}$/);
    const secret = created.split("\n")[1] ?? "";
    const listed = await say("keys");
    expect(listed).toMatch(/my phone .* 0 requests today/);
    expect(listed).not.toContain(secret);
    expect(await say("keys revoke my phone")).toBe("The key my phone is revoked.");
    expect(await say("keys")).toMatch(/my phone .* revoked/);
    expect(await say("keys revoke nobody")).toMatch(/^OCP: /);
  });

  test.each(["nonsense", "status now", "keys add", "keys eat x", "constructor"])(
    "explains itself to %j",
    async (words) => {
      expect(await say(words)).toStartWith("OCP: /ocp status |");
    },
  );

  test("says what is missing: the key, the server, one that is OCP", async () => {
    expect(await say("status", { OCP_ADMIN_KEY: "wrong" })).toContain("wants its admin key");
    expect(await say("status", { OCP_ADMIN_KEY: "" })).toContain("wants its admin key");
    expect(await say("status", { OCP_PROXY_URL: "http://127.0.0.1:1" })).toContain("does not answer");
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>") });
    expect(await say("status", { OCP_PROXY_URL: other.url.href })).toContain("is not OCP (200)");
    using hostile = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.json({ error: { message: "a\nb\u001b[2J" } }, { status: 500 }),
    });
    expect(await say("status", { OCP_PROXY_URL: hostile.url.href })).toBe("OCP: a b [2J");
  });

  test("finds the server by its port, and by what its configuration says", async () => {
    expect(await say("health", { OCP_PROXY_URL: "", CLAUDE_PROXY_PORT: new URL(ocp.url).port })).toMatch(/: ok/);
    const config = { url: `${ocp.url}/v1`, key: admin };
    expect(await say("keys", { OCP_PROXY_URL: "http://127.0.0.1:1", OCP_ADMIN_KEY: "wrong" }, config)).not.toMatch(
      /^OCP:/,
    );
  });

  test("sends the key in ~/.ocp/admin-key to the server of this machine alone", async () => {
    await using temp = await createTemp();
    const keys: Array<[string, string | null]> = [];
    const listen = (name: string, to = ""): Bun.Server<undefined> =>
      Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch(request) {
          keys.push([name, request.headers.get("authorization")]);
          return to !== "" ? Response.redirect(to, 307) : Response.json({}, { status: 401 });
        },
      });
    using own = listen("own");
    using other = listen("other");
    using redirects = listen("redirects", other.url.href);
    mkdirSync(join(temp.home, ".ocp"));
    writeFileSync(join(temp.home, ".ocp", "admin-key"), "ocp_admin_x\n");
    writeFileSync(join(temp.home, ".ocp", "service.env"), `CLAUDE_PROXY_PORT='${own.port}'\n`);
    const env = { HOME: temp.home };
    await answer("health", {}, env);
    await answer("health", { url: `http://localhost:${own.port}/v1` }, env);
    const refused = await answer("health", {}, { ...env, OCP_PROXY_URL: other.url.href });
    expect(refused).toContain(
      `was not sent to http://127.0.0.1:${other.port}: it is for http://127.0.0.1:${own.port}.`,
    );
    await answer("health", { url: other.url.href, key: "theirs" }, env);
    await answer("health", {}, { ...env, CLAUDE_PROXY_PORT: String(redirects.port) });
    expect(keys).toEqual([
      ["own", "Bearer ocp_admin_x"],
      ["own", "Bearer ocp_admin_x"],
      ["other", null],
      ["other", "Bearer theirs"],
      ["redirects", "Bearer ocp_admin_x"],
    ]);
  });

  needs("Linux", "root").test("sends it to no process of another user at the port of the server", async () => {
    await using temp = await createTemp();
    mkdirSync(join(temp.home, ".ocp"));
    writeFileSync(join(temp.home, ".ocp", "admin-key"), "ocp_admin_x\n");
    for (const hostname of ["127.0.0.1", "0.0.0.0", "::"]) {
      await using squatter = await listenAsOtherUser(hostname);
      const env = { HOME: temp.home, CLAUDE_PROXY_PORT: String(squatter.port) };
      expect(await answer("health", {}, env)).toContain(`a process of user ${otherUid} listens there`);
      expect(await squatter.keys()).toEqual([null]);
    }
  });

  test("reads no more of a server than an answer of OCP has", async () => {
    let sent = 0;
    using endless = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent += 65_536;
              controller.enqueue(new Uint8Array(65_536).fill(32));
            },
          }),
        ),
    });
    expect(await say("health", { OCP_PROXY_URL: endless.url.href })).toContain("sends more than any answer of OCP");
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test("registers one command, for the gateway's owner", async () => {
    const { default: plugin } = (await import(code)) as { default: { register: (api: object) => void } };
    const commands: Array<Record<string, unknown>> = [];
    plugin.register({ registerCommand: (command: Record<string, unknown>) => commands.push(command) });
    expect(commands).toMatchObject([{ name: "ocp", requireAuth: true, requiredScopes: ["operator.admin"] }]);
  });
});

describe.each(targets())("ocp openclaw plugin (%s)", (target) => {
  const settings = '{\n  // mine\n  plugins: { allow: ["theirs"] },\n}\n';

  test("comes, is brought to this version by a second time, and goes", async () => {
    await using user = await createUser(target);
    user.put(".openclaw/openclaw.json", settings);
    const file = join(user.home, ".openclaw/openclaw.json");
    const folder = join(user.home, ".openclaw/extensions/ocp");
    const install = () => user.run(["openclaw", "plugin", "install", "--json"]);

    const first = JSON.parse((await install()).stdout);
    expect(first.changed).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(["index.js", "openclaw.plugin.json", "package.json"]);
    expect(readFileSync(join(folder, "index.js"), "utf8")).toBe(readFileSync(code, "utf8"));
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(JSON.parse(readFileSync(join(folder, "openclaw.plugin.json"), "utf8"))).toMatchObject({
      id: "ocp",
      version,
    });
    expect(readFileSync(file, "utf8")).toMatch(/\/\/ mine[\s\S]*allow: \["theirs",\s+"ocp"/);
    const [backup = ""] = readdirSync(join(user.home, ".openclaw")).filter((name) => /\.bak\.\d+$/.test(name));
    expect(readFileSync(join(user.home, ".openclaw", backup), "utf8")).toBe(settings);

    expect(JSON.parse((await install()).stdout)).toMatchObject({ changed: false, done: [] });
    writeFileSync(join(folder, "index.js"), "older");
    expect(JSON.parse((await install()).stdout).done).toEqual([`Wrote ${join(folder, "index.js")}.`]);

    await user.run(["openclaw", "plugin", "remove"]);
    expect(existsSync(folder)).toBe(false);
    const left = readFileSync(file, "utf8");
    expect(left).toContain("// mine");
    expect(left).not.toContain("ocp");
    expect((await user.run(["openclaw", "plugin", "remove"])).stdout).toBe("It is not installed.\n");
  });

  test("makes no list where there is none, which would shut out all others", async () => {
    await using user = await createUser(target);
    mkdirSync(join(user.home, ".openclaw"));
    await user.run(["openclaw", "plugin", "install"]);
    const file = join(user.home, ".openclaw/openclaw.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ plugins: { entries: { ocp: { enabled: true } } } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each<[string | null, string]>([
    [null, "OpenClaw is not on this machine"],
    ["{ broken", "cannot be understood"],
    ['{ plugins: { deny: ["ocp"] } }', "denies the plugin ocp"],
    ["{ plugins: { allow: 'all', entries: [] } }", "cannot be changed alone"],
  ])("%j is left alone", async (text, why) => {
    await using user = await createUser(target);
    if (text !== null) user.put(".openclaw/openclaw.json", text);
    const { code: exit, stderr } = await user.run(["openclaw", "plugin", "install"]);
    expect(exit).toBe(1);
    expect(stderr).toContain(why);
    if (text !== null) expect(readFileSync(join(user.home, ".openclaw/openclaw.json"), "utf8")).toBe(text);
  });

  test("words that it does not know are a wrong command line", async () => {
    await using user = await createUser(target);
    expect((await user.run(["openclaw", "plugin", "eat"])).code).toBe(2);
  });
});
