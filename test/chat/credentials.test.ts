/** The login is read anew for each turn, and refreshed by the CLI alone, one process at a time. */

import { describe, expect, test } from "bun:test";
import { targets } from "../harness/ocp.ts";
import { descendants, waitUntil, waitUntilNobodyAtHome } from "../harness/processes.ts";
import { ask, post, user } from "./client.ts";
import { createRefreshingCli, hour, login, serverWithLogin } from "./login.ts";

const messages = [user("Hi.")];

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
    await using cli = await createRefreshingCli();
    await using server = await serverWithLogin(target, login("expiring", Date.now() + 60_000), { CLAUDE_BIN: cli.bin });
    expect((await server.health()).auth.state).toBe("expiring");

    const answers = Promise.all(Array.from({ length: 5 }, () => ask(server.ocp, { messages })));
    await waitUntil("the refresh has begun", () => cli.journal() !== "");
    cli.go();
    expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(cli.journal()).toBe("begin\nend\n");
    expect(server.tokens()).toEqual(Array(5).fill("refreshed"));
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

  const ends = [
    { name: "a client that leaves", env: {}, outcome: "left" },
    { name: "a deadline", env: { CLAUDE_TIMEOUT: "6000" }, outcome: 504 },
  ];
  test.each(ends)(
    "$name while the CLI refreshes the login ends the turn at once, and the refresh not at all",
    async ({ env, outcome }) => {
      await using cli = await createRefreshingCli();
      const expiring = login("expiring", Date.now() + 60_000);
      await using server = await serverWithLogin(target, expiring, { CLAUDE_BIN: cli.bin, ...env });
      const leaving = new AbortController();
      const turn = post(server.ocp, { messages }, { signal: leaving.signal }).then(
        ({ status }) => status,
        () => "left",
      );
      await waitUntil("the refresh has begun", () => cli.journal() !== "");
      if (outcome === "left") leaving.abort();
      expect(await turn).toBe(outcome);
      // Whoever comes now waits for the new login.
      const next = ask(server.ocp, { messages });
      cli.go();
      expect((await next).status).toBe(200);
      await waitUntil("the children are gone", () => descendants(server.ocp.pid).length === 0);
      expect(cli.journal()).toBe("begin\nend\n");
      expect(server.stored()).toBe("refreshed");
      // One message, the second client's.
      expect(server.tokens()).toEqual(["refreshed"]);
    },
  );

  test("a stop while the CLI refreshes the login lets it store the new one, and asks the model nothing", async () => {
    await using cli = await createRefreshingCli();
    const expiring = login("expiring", Date.now() + 60_000);
    await using server = await serverWithLogin(target, expiring, { CLAUDE_BIN: cli.bin });
    const { ocp } = server;
    const turn = post(ocp, { messages }).then(
      () => "answered",
      () => "cut",
    );
    await waitUntil("the refresh has begun", () => cli.journal() !== "");
    const first = ocp.stop();
    await ocp.said("A second signal stops at once.");
    const [code] = await Promise.all([ocp.stop(), first]);
    expect(code).toBe(143);
    expect(await turn).toBe("cut");
    expect(cli.journal()).toBe("begin\n");
    cli.go();
    await waitUntilNobodyAtHome(ocp.home, 15_000);
    expect(cli.journal()).toBe("begin\nend\n");
    expect(server.stored()).toBe("refreshed");
    expect(server.tokens()).toEqual([]);
  }, 20_000);

  const oddDates = ["1.8e18", "1e999", '"soon"'];
  test.each(oddDates)("a login that expires at %s is one that is used, and the server starts with it", async (date) => {
    const text = login("sk-ant-oat01-odd", 7).replace('"expiresAt":7', `"expiresAt":${date}`);
    expect(text).toContain(date);
    await using server = await serverWithLogin(target, text);
    expect((await ask(server.ocp, { messages })).status).toBe(200);
    expect(server.tokens()).toEqual(["sk-ant-oat01-odd"]);
    expect((await server.health()).auth).toMatchObject({ ok: true, state: "ok" });
    expect(server.ocp.stderr()).not.toContain("sk-ant-oat01-odd");
  });

  const noTokens = ["sk-ant-oat01-\u0000odd", "sk-ant-oat01-odd\r\nX-Evil: 1"];
  test.each(noTokens.map((token) => [JSON.stringify(token), token]))(
    "a token of %s is no login, and is in no log",
    async (_name, token) => {
      await using server = await serverWithLogin(target, login(token, Date.now() + hour));
      const { status, body } = await ask(server.ocp, { messages });
      expect(status).toBe(503);
      expect(body.error.message).toContain("not logged in");
      expect((await server.health()).auth).toMatchObject({ ok: false, state: "missing" });
      expect(server.simulator.requests.filter(({ path }) => path === "/v1/messages")).toHaveLength(0);
      for (const said of [server.ocp.stderr(), JSON.stringify(body)]) {
        expect(said).not.toContain("sk-ant-oat01");
        expect(said).not.toContain("X-Evil");
      }
    },
  );
});
