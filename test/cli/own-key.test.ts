/** The key in `~/.ocp/admin-key` goes to this user's own server and to no other; a key that the caller names goes where they say. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { below, commands } from "../../src/cli/commands.ts";
import { plainPath } from "../connect/shell.ts";
import { testEnv } from "../harness/env.ts";
import { needs } from "../harness/needs.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { listenAsOtherUser, otherUid } from "../harness/other-user.ts";
import { createTemp, type Temp } from "../harness/temp.ts";
import type { Outcome } from "./run.ts";

const fileKey = "ocp_admin_of_this_machine";

/** What each command that takes `--url` needs besides. */
const words: Record<string, string[]> = {
  "keys add": ["one"],
  "keys revoke": ["one"],
  "keys rename": ["one", "x"],
  "keys expire": ["one", "never"],
  "keys rotate": ["one"],
  "keys quota": ["one"],
};

const table: Array<[string, CommandDef]> = [...commands].flatMap(([name, command]) => [
  [name, command] as [string, CommandDef],
  ...Object.entries(below(command)).map(([sub, each]): [string, CommandDef] => [`${name} ${sub}`, each]),
]);
const remote = table.filter(([, { args }]) => "url" in ((args ?? {}) as ArgsDef)).map(([name]) => name);

interface Listener {
  url: string;
  port: number;
  /** The keys that came, null for a request without one. */
  keys: Array<string | null>;
  stop(): void;
}

/** Refuses every request, as a server does that wants a key. */
function listen(hostname = "127.0.0.1", port = 0, redirect: () => string | null = () => null): Listener {
  const keys: Listener["keys"] = [];
  const server = Bun.serve({
    hostname,
    port,
    fetch(request) {
      keys.push(request.headers.get("authorization"));
      const location = redirect();
      if (location !== null) return new Response("", { status: 307, headers: { location } });
      return Response.json({ error: { message: "A key is wanted." } }, { status: 401 });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, port: server.port ?? 0, keys, stop: () => server.stop(true) };
}

let temp: Temp;
let own: Listener;
let other: Listener;
let target: string | null = null;
beforeAll(async () => {
  temp = await createTemp();
  other = listen();
  own = listen("127.0.0.1", 0, () => target);
  mkdirSync(join(temp.home, ".ocp"));
  writeFileSync(join(temp.home, ".ocp", "admin-key"), `${fileKey}\n`, { mode: 0o600 });
  writeFileSync(join(temp.home, ".ocp", "service.env"), `CLAUDE_PROXY_PORT='${own.port}'\n`);
});
afterAll(async () => {
  own.stop();
  other.stop();
  await temp.remove();
});
beforeEach(() => {
  target = null;
  for (const { keys } of [own, other]) keys.length = 0;
});

async function run(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = Bun.spawn([...ocpCommand("binary"), ...args], {
    cwd: temp.path,
    env: testEnv(temp.home, { PATH: plainPath, ...env }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
const status = (url: string, env: Record<string, string> = {}) => run(["status", "--url", url], env);
const bearer = `Bearer ${fileKey}`;
const withheld = () =>
  `The key in ~/.ocp/admin-key is for this machine's own server at ${own.url} and was not sent to ${other.url}. Give that server's key with --key or OCP_ADMIN_KEY`;

test("there are commands that take --url", () => {
  expect(remote.length).toBeGreaterThan(12);
});

describe.each(remote)("ocp %s", (name) => {
  const command = [...name.split(" "), ...(words[name] ?? [])];

  test("sends it to this user's own server, and not to another, however that is named", async () => {
    await run(command);
    expect(own.keys).toContain(bearer);
    own.keys.length = 0;
    for (const [args, env] of [
      [["--url", other.url], {}],
      [[], { OCP_URL: other.url }],
    ] as Array<[string[], Record<string, string>]>) {
      const { code, stderr } = await run([...command, ...args], env);
      expect(code).toBe(1);
      expect(stderr).toContain(withheld());
      expect(stderr).not.toContain(fileKey);
    }
    expect(own.keys).toEqual([]);
    expect(other.keys.length).toBeGreaterThan(0);
    expect(new Set(other.keys)).toEqual(new Set([null]));
  });

  test("sends the key that the caller names to where the caller says", async () => {
    await run([...command, "--url", other.url, "--key", "ocp_theirs_1"]);
    expect(new Set(other.keys)).toEqual(new Set(["Bearer ocp_theirs_1"]));
    other.keys.length = 0;
    await run([...command, "--url", other.url], { OCP_ADMIN_KEY: "ocp_theirs_2" });
    expect(new Set(other.keys)).toEqual(new Set(["Bearer ocp_theirs_2"]));
  });

  test("does not carry it on where the server points to another address", async () => {
    target = `${other.url}/elsewhere`;
    const { code, stderr } = await run(command);
    expect(own.keys).toContain(bearer);
    expect(other.keys).toEqual([]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("points to another address") });
  });
});

describe("this user's own server", () => {
  test.each([
    ["by its address", () => own.url],
    ["with /v1", () => `${own.url}/v1`],
    ["as localhost", () => `localhost:${own.port}`],
  ])("is known %s", async (_, url) => {
    await status(url());
    expect(own.keys).toEqual([bearer]);
  });

  test("is where CLAUDE_PROXY_PORT says, which goes before the service", async () => {
    await run(["status"], { CLAUDE_PROXY_PORT: String(other.port) });
    expect(other.keys).toEqual([bearer]);
  });

  test("is asked by ocp lan and ocp doctor, which ask no other", async () => {
    await run(["lan"]);
    await run(["doctor", "--check", "plan"], { CLAUDE_PROXY_PORT: String(own.port) });
    expect(own.keys).toEqual([bearer, bearer]);
    await run(["lan"], { OCP_URL: other.url });
    expect(other.keys).toEqual([]);
  });

  test("is not another address of this machine, unless it listens on all of them", async () => {
    const everywhere = listen("0.0.0.0");
    try {
      const port = String(everywhere.port);
      await status(`http://127.0.0.2:${port}`, { CLAUDE_PROXY_PORT: port });
      expect(everywhere.keys).toEqual([null]);
      await status(`http://127.0.0.2:${port}`, { CLAUDE_PROXY_PORT: port, CLAUDE_BIND: "0.0.0.0" });
      expect(everywhere.keys).toEqual([null, bearer]);
    } finally {
      everywhere.stop();
    }
  });

  test("is not who listens at the other address of localhost", async () => {
    let squatter: Listener;
    try {
      squatter = listen("::1", own.port);
    } catch {
      // A machine without IPv6 has no such address.
      return;
    }
    try {
      await status(`http://localhost:${own.port}`);
      await status(`http://[::1]:${own.port}`);
      expect(own.keys).toEqual([bearer]);
      expect(squatter.keys).toEqual([null]);
    } finally {
      squatter.stop();
    }
  });

  test("is reached directly: a proxy of the environment sees no request and no key", async () => {
    const proxy = listen();
    try {
      for (const variable of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
        await run(["status"], { [variable]: proxy.url });
      await run(["lan"], { HTTP_PROXY: proxy.url });
      expect(proxy.keys).toEqual([]);
      expect(own.keys).toEqual([bearer, bearer, bearer, bearer]);
    } finally {
      proxy.stop();
    }
  });
});

needs("Linux", "root").describe("another user's process at the port of this user's own server", () => {
  const text = `user ${otherUid}`;

  test.each(["127.0.0.1", "0.0.0.0", "::"])("gets no key of the file where it listens at %s", async (hostname) => {
    await using squatter = await listenAsOtherUser(hostname);
    const { code, stdout, stderr } = await run(["status"], { CLAUDE_PROXY_PORT: String(squatter.port) });
    expect(await squatter.keys()).toEqual([null]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("The key in ~/.ocp/admin-key was not sent to");
    expect(stderr).toContain(text);
    expect(stderr).not.toContain(fileKey);
  });

  test("gets the key that the caller names", async () => {
    await using squatter = await listenAsOtherUser();
    await run(["status", "--key", "ocp_theirs"], { CLAUDE_PROXY_PORT: String(squatter.port) });
    expect(await squatter.keys()).toEqual(["Bearer ocp_theirs"]);
  });

  test("gets the key of a file that is that user's own", async () => {
    const file = join(temp.home, ".ocp", "admin-key");
    chownSync(file, otherUid, otherUid);
    try {
      await using server = await listenAsOtherUser();
      await run(["status"], { CLAUDE_PROXY_PORT: String(server.port) });
      expect(await server.keys()).toEqual([bearer]);
    } finally {
      chownSync(file, 0, 0);
    }
  });

  test("does not keep the key from our own server, when it listens at another address", async () => {
    await using squatter = await listenAsOtherUser("127.0.0.2", own.port);
    await run(["status"]);
    expect(own.keys).toEqual([bearer]);
    expect(squatter.port).toBe(own.port);
  });
});

test("an address that CLAUDE_BIND names and that is no longer this machine's gets no key", async () => {
  // 192.0.2.0/24 is for documentation: no machine has it, and nothing answers there.
  const env = { CLAUDE_BIND: "192.0.2.7", HTTP_PROXY: other.url, CLAUDE_PROXY_PORT: String(own.port) };
  const { code, stderr } = await run(["status"], env);
  expect(code).toBe(1);
  expect(other.keys).toEqual([null]);
  expect(stderr).toContain("192.0.2.7 is not an address of this machine");
});

test.each([
  ["with a name and a password", "http://guest:pa55word@127.0.0.1:1", "no name and no password"],
  ["with a password alone", "http://:pa55word@127.0.0.1:1", "no name and no password"],
  ["of another scheme", "ftp://127.0.0.1:1", "is no address of a server"],
])("an address %s is refused, and not taken for the name of a host", async (_, url, sentence) => {
  for (const outcome of [await status(url), await run(["status"], { OCP_URL: url }), await run(["connect", url])]) {
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain(sentence);
    expect(outcome.stderr).not.toContain("pa55word");
  }
});

test("a scheme in capitals is one", async () => {
  await status(own.url.replace("http", "HTTP"));
  expect(own.keys).toEqual([bearer]);
});

test("ocp health says why a server that answers strangers tells little", async () => {
  using open = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => Response.json({ status: "ok", version: "4.0.0" }),
  });
  const { code, stdout, stderr } = await run(["health", "--url", open.url.href]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "status  ok, OCP 4.0.0\n" });
  expect(stderr).toContain("was not sent to");
});

test("ocp connect presents no key of this machine to the server that it is given", async () => {
  const keys: Array<string | null> = [];
  using strange = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      keys.push(request.headers.get("authorization"));
      if (request.url.endsWith("/health")) return Response.json({ status: "ok", version: "4.0.0", authMode: "multi" });
      return Response.json({ error: { message: "no" } }, { status: 401 });
    },
  });
  const { code } = await run(["connect", `127.0.0.1:${strange.port}`, "--yes"]);
  expect(code).toBe(2);
  expect(keys.length).toBeGreaterThan(0);
  expect(new Set(keys)).toEqual(new Set([null]));
});
