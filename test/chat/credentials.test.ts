/** The login is read anew for each turn, and refreshed by the CLI alone, one process at a time. */

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSimulator } from "../../src/demo/simulator.ts";
import { claudeBinary } from "../harness/claude.ts";
import { startOcp, targets } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { ask, user } from "./client.ts";

const hour = 3_600_000;
const messages = [user("Hi.")];
const login = (accessToken: string, expiresAt: number) =>
  JSON.stringify({
    claudeAiOauth: {
      accessToken,
      refreshToken: "sk-ant-ort01-test",
      expiresAt,
      scopes: ["user:inference", "user:profile"],
      subscriptionType: "max",
    },
  });

/** A server whose login is a file in its home, which is there before it starts. */
async function serverWithLogin(target: "source" | "binary", text: string | null, env: Record<string, string> = {}) {
  const temp = await createTemp();
  const config = join(temp.path, "claude-config");
  mkdirSync(config);
  const file = join(config, ".credentials.json");
  if (text !== null) writeFileSync(file, text);
  const simulator = startSimulator();
  const ocp = await startOcp({
    target,
    simulator,
    env: { CLAUDE_CODE_OAUTH_TOKEN: undefined, CLAUDE_CONFIG_DIR: config, ...env },
  });
  return {
    ocp,
    simulator,
    directory: temp.path,
    file,
    write: (next: string) => writeFileSync(file, next),
    tokens: () =>
      simulator.requests
        .filter(({ path }) => path === "/v1/messages")
        .map(({ headers }) => headers.authorization?.replace("Bearer ", "")),
    health: async () => (await (await fetch(`${ocp.url}/health`)).json()) as any,
    async [Symbol.asyncDispose]() {
      await ocp[Symbol.asyncDispose]();
      await simulator.stop();
      await temp.remove();
    },
  };
}

describe.each(targets())("the login (%s)", (target) => {
  test("a credential file that is replaced while the server runs is what the next request uses", async () => {
    await using server = await serverWithLogin(target, login("first", Date.now() + hour));
    expect((await ask(server.ocp, { messages })).status).toBe(200);
    server.write(login("second", Date.now() + hour));
    expect((await ask(server.ocp, { messages })).status).toBe(200);
    expect(server.tokens()).toEqual(["first", "second"]);
    expect((await server.health()).spawn.mode).toBe("isolated-scratch-home");
  });

  test("a login that Anthropic refuses is tried again with the one that replaced it meanwhile", async () => {
    await using server = await serverWithLogin(target, login("revoked", Date.now() + hour));
    server.simulator.play(({ headers }) => {
      if (headers.authorization !== "Bearer revoked") return undefined;
      server.write(login("fresh", Date.now() + hour));
      return { status: 401 };
    });
    expect((await ask(server.ocp, { messages })).status).toBe(200);
    expect(server.tokens().at(-1)).toBe("fresh");
  });

  test("a login that Anthropic refuses is a 401 that says what to do, and /health says so until it is replaced", async () => {
    await using server = await serverWithLogin(target, login("revoked", Date.now() + hour));
    server.simulator.play(({ headers }) => (headers.authorization === "Bearer revoked" ? { status: 401 } : undefined));
    const { status, body } = await ask(server.ocp, { messages });
    expect(status).toBe(401);
    expect(body.error.message).toContain("log in");
    expect(JSON.stringify(body)).not.toContain("revoked");
    expect((await server.health()).auth).toMatchObject({ ok: false, state: "rejected" });
    server.write(login("fresh", Date.now() + hour));
    expect((await server.health()).auth).toMatchObject({ ok: true, state: "ok" });
  });

  test("an expiring login is refreshed by one process at a time, and nobody hangs", async () => {
    // The real CLI cannot refresh without Anthropic: this one does what it does, and then runs it.
    const temp = await createTemp();
    const journal = join(temp.path, "journal");
    writeFileSync(journal, "");
    const wrapper = join(temp.path, "claude");
    const refreshed = login("refreshed", Date.now() + hour);
    writeFileSync(
      wrapper,
      `#!/bin/sh
case "$*" in *--version*) exec ${claudeBinary()} "$@";; esac
if [ -z "$CLAUDE_CODE_OAUTH_TOKEN" ]; then
  echo begin >> ${journal}
  sleep 0.4
  printf '%s' '${refreshed}' > "$CLAUDE_CONFIG_DIR/.credentials.json"
  echo end >> ${journal}
fi
exec ${claudeBinary()} "$@"
`,
    );
    chmodSync(wrapper, 0o755);
    await using server = await serverWithLogin(target, login("expiring", Date.now() + 60_000), { CLAUDE_BIN: wrapper });
    expect((await server.health()).auth.state).toBe("expiring");

    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(server.ocp, { messages })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(readFileSync(journal, "utf8")).toBe("begin\nend\n");
    expect(server.tokens()).toEqual(Array(5).fill("refreshed"));
    await temp.remove();
  });

  test("an expiring login that nobody can refresh serialises the requests and still answers them", async () => {
    await using server = await serverWithLogin(target, login("expiring", Date.now() + 60_000));
    let running = 0;
    let most = 0;
    server.simulator.play(async () => {
      most = Math.max(most, ++running);
      await Bun.sleep(50);
      running--;
      return undefined;
    });
    const answers = await Promise.all(Array.from({ length: 3 }, () => ask(server.ocp, { messages })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(most).toBe(1);
    expect((await server.health()).spawn).toMatchObject({ mode: "real-home", isolated: false });
  });

  const broken = ["", "{", "null", "[]", '{"claudeAiOauth":{}}', '{"claudeAiOauth":{"accessToken":7}}'];
  test.each([null, ...broken])(
    "without a usable login (%p) the server starts and a request is a 503 that says so",
    async (text) => {
      await using server = await serverWithLogin(target, text);
      await server.ocp.said("not logged in");
      const { status, body } = await ask(server.ocp, { messages });
      expect(status).toBe(503);
      expect(body.error.message).toContain("not logged in");
      expect(server.simulator.requests.filter(({ path }) => path === "/v1/messages")).toHaveLength(0);
      expect((await server.health()).auth).toMatchObject({ ok: false, state: "missing" });
      server.write(login("first", Date.now() + hour));
      expect((await ask(server.ocp, { messages })).status).toBe(200);
    },
  );

  test("without a claude CLI the server starts, and says what to do at the start, on /health and in a 503", async () => {
    await using server = await serverWithLogin(target, login("first", Date.now() + hour), {
      CLAUDE_BIN: "/nonexistent/claude",
    });
    await server.ocp.said("CLAUDE_BIN");
    const { status, body } = await ask(server.ocp, { messages });
    expect(status).toBe(503);
    expect(body.error.message).toContain("CLAUDE_BIN");
    expect(await server.health()).toMatchObject({ status: "degraded", claudeBinaryOk: false });
  });

  test("a killed refresh does not keep the next request waiting", async () => {
    await using server = await serverWithLogin(target, login("expiring", Date.now() + 60_000));
    server.simulator.play(({ number }) =>
      number === 1 ? { blocks: [], fault: { kind: "stall", after: 0 } } : undefined,
    );
    const leaving = new AbortController();
    const first = fetch(`${server.ocp.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages }),
      signal: leaving.signal,
    });
    first.catch(() => {});
    await server.simulator.message(1);
    const second = ask(server.ocp, { messages });
    leaving.abort();
    expect((await second).status).toBe(200);
  });
});
