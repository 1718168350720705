/** Who asks, and that the key is asked for before anything else. */

import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { loadConfig } from "../../src/config/load.ts";
import { createIdentify, presentedKey } from "../../src/server/auth.ts";
import { openStore } from "../../src/store/open.ts";
import { adminKey, epoch, errorOf, hello, serve } from "./served.ts";

const shared = { PROXY_API_KEY: "the-right-key" };
const right = { authorization: "Bearer the-right-key" };
const lan = "192.168.1.7";
const loopback = "127.0.0.1";

describe("who asks", () => {
  const log = { info() {}, warn() {}, error() {} };
  let now = epoch;
  const { keys } = openStore({ directory: null, now: () => now, log });
  const tablet = keys.create("tablet", null);
  const guest = keys.create("guest", epoch + 1_000);
  const lost = keys.create("lost", null);
  keys.revoke(lost.key.id);
  const renewed = keys.create("renewed", null);
  keys.rotate(renewed.key.id);

  const secrets = { PROXY_ANONYMOUS_KEY: "for-guests-alone", OCP_METRICS_KEY: "for-figures-alone" };
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  function ask(env: Record<string, string>, headers: Record<string, string>, address: string | null) {
    const config = loadConfig({ ...secrets, ...env }, {}, { memory: 1e10 });
    const identify = createIdentify({ config, adminKey, store: keys, now: () => now });
    const sent = new Headers(headers);
    return identify(presentedKey(sent), sent, address);
  }

  const none = {};
  const open = { CLAUDE_BIND: "0.0.0.0" };
  const multi = { CLAUDE_AUTH_MODE: "multi" };
  const forwarded = { "x-forwarded-for": "192.168.1.7" };
  const untrusted = { OCP_TRUST_LOOPBACK: "0" };

  const cases: Array<
    [env: Record<string, string>, address: string | null, headers: Record<string, string>, who: string]
  > = [
    [none, loopback, {}, "local, admin"],
    [none, "::1", {}, "local, admin"],
    [none, "::ffff:127.0.0.1", {}, "local, admin"],
    [none, loopback, forwarded, "remote, remote"],
    [{ ...none, ...untrusted }, loopback, {}, "remote, remote"],
    [none, lan, {}, "remote, remote"],
    [none, null, {}, "remote, remote"],
    [none, lan, bearer("any text will do"), "remote, remote"],
    [none, loopback, bearer("sk-any"), "local, admin"],
    [none, lan, bearer("ocp_not-one-of-ours"), "nobody: none of this server's"],
    [none, loopback, bearer(lost.secret), "nobody: revoked"],
    [none, lan, bearer(tablet.secret), "tablet, user"],
    [none, lan, bearer(adminKey), "admin, admin"],
    [open, loopback, {}, "local, user"],
    [open, lan, {}, "remote, remote"],
    [shared, loopback, {}, "local, user"],
    [shared, loopback, { authorization: "Bearer" }, "local, user"],
    [shared, loopback, { authorization: "Bearer " }, "local, user"],
    [shared, loopback, right, "shared, user"],
    [shared, lan, right, "shared, user"],
    [shared, lan, { authorization: "bearer  the-right-key" }, "shared, user"],
    [shared, lan, { "x-api-key": "the-right-key" }, "shared, user"],
    [shared, lan, { "x-api-key": "the-right-key", authorization: "Basic dGhl" }, "shared, user"],
    [shared, lan, { "x-api-key": "the-right-key", authorization: "Bearer " }, "shared, user"],
    [shared, lan, { ...right, "x-api-key": "another" }, "shared, user"],
    [shared, lan, { "x-api-key": "the-right-key", authorization: "Bearer another" }, "nobody: none of this server's"],
    [shared, lan, {}, "nobody: wants a key"],
    [shared, null, {}, "nobody: wants a key"],
    [shared, lan, bearer("the-right-ke"), "nobody: none of this server's"],
    [shared, lan, bearer("The-Right-Key"), "nobody: none of this server's"],
    [shared, lan, { authorization: "Basic dGhlLXJpZ2h0LWtleQ==" }, "nobody: none of this server's"],
    [shared, lan, { authorization: "the-right-key" }, "shared, user"],
    [shared, loopback, bearer("wrong"), "nobody: none of this server's"],
    [shared, loopback, { "x-api-key": "wrong" }, "nobody: none of this server's"],
    [shared, loopback, { "x-forwarded-for": "10.0.0.9" }, "nobody: wants a key"],
    [shared, loopback, { forwarded: "for=10.0.0.9" }, "nobody: wants a key"],
    [shared, loopback, { "x-real-ip": "10.0.0.9" }, "nobody: wants a key"],
    ...[
      "client-ip",
      "wl-proxy-client-ip",
      "x-remote-addr",
      "x-original-host",
      "x_forwarded_for",
      "x-vercel-forwarded-for",
    ].map((name): (typeof cases)[number] => [shared, loopback, { [name]: "10.0.0.9" }, "nobody: wants a key"]),
    [shared, loopback, { "user-agent": "via", "x-request-id": "x-forwarded-for" }, "local, user"],
    [{ ...shared, ...untrusted }, loopback, {}, "nobody: wants a key"],
    [shared, lan, bearer(tablet.secret), "tablet, user"],
    [shared, lan, bearer(adminKey), "admin, admin"],
    [multi, loopback, {}, "local, user"],
    [multi, lan, {}, "nobody: wants a key"],
    [multi, lan, bearer(tablet.secret), "tablet, user"],
    [multi, loopback, bearer(tablet.secret), "tablet, user"],
    [multi, lan, { "x-api-key": tablet.secret }, "tablet, user"],
    [multi, lan, bearer(guest.secret), "guest, user"],
    [multi, lan, bearer(lost.secret), "nobody: revoked"],
    [multi, loopback, bearer(lost.secret), "nobody: revoked"],
    [multi, lan, bearer(renewed.secret), "nobody: none of this server's"],
    [multi, lan, bearer(tablet.key.preview), "nobody: none of this server's"],
    [multi, lan, bearer(adminKey), "admin, admin"],
    [multi, lan, bearer("for-guests-alone"), "anonymous, anonymous"],
    [multi, lan, bearer("for-figures-alone"), "nobody: /metrics alone"],
    [{ ...multi, ...shared }, lan, right, "nobody: none of this server's"],
  ];
  const rows = cases.map(([env, address, headers, who]) => ({
    mode: JSON.stringify(env),
    from: address,
    sent: JSON.stringify(headers).replace(/ocp_[^"]+/, "ocp_..."),
    who,
    identify: () => ask(env, headers, address),
  }));
  test.each(rows)("$mode, from $from, with $sent: $who", ({ who, identify }) => {
    const { principal, refusal } = identify();
    if (principal) expect(`${principal.name}, ${principal.role}`).toBe(who);
    else expect(refusal).toContain(who.replace("nobody: ", ""));
  });

  test("a key stands for its row, whatever it is called, and no secret is part of who somebody is", () => {
    expect(ask(multi, bearer(tablet.secret), lan).principal).toEqual({
      id: `key-${tablet.key.id}`,
      name: "tablet",
      role: "user",
      keyId: tablet.key.id,
    });
  });

  test("a key is nobody's from the moment on at which it expires", () => {
    now = epoch + 999;
    expect(ask(multi, bearer(guest.secret), lan).principal?.name).toBe("guest");
    now = epoch + 1_000;
    for (const address of [lan, loopback]) {
      expect(ask(multi, bearer(guest.secret), address)).toMatchObject({
        principal: null,
        refusal: expect.stringContaining("expired"),
        wrongKey: false,
      });
    }
    now = epoch;
  });

  test("a program on this machine is one whatever key it has", () => {
    expect(ask(multi, bearer("wrong"), loopback)).toMatchObject({ local: true, principal: null, wrongKey: true });
    expect(ask(multi, bearer(tablet.secret), loopback).local).toBe(true);
    expect(ask(multi, bearer(tablet.secret), lan).local).toBe(false);
    expect(ask(multi, forwarded, loopback).local).toBe(false);
  });
});

describe("a server with a key", () => {
  test("answers 401 in OpenAI's shape, and names no key", async () => {
    const response = await serve({ env: shared }).send("/v1/models", {
      headers: { authorization: "Bearer wrong-key" },
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    const text = await response.text();
    expect(JSON.parse(text).error.code).toBe("invalid_api_key");
    expect(text).not.toContain("the-right-key");
    expect(text).not.toContain("wrong-key");
  });

  test("answers in Anthropic's shape where that is spoken", async () => {
    const headers = { authorization: "Bearer wrong-key" };
    const response = await serve({ env: shared }).send("/v1/messages", { method: "POST", body: "{}", headers });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ type: "error", error: { type: "authentication_error" } });
  });

  test("asks for it before it looks at the body", async () => {
    const { send, admission } = serve({ env: shared });
    for (const body of ["{", "[]", JSON.stringify(hello), "x".repeat(50_000_000)]) {
      const response = await send("/v1/chat/completions", { method: "POST", body });
      expect([response.status, (await errorOf(response)).code]).toEqual([401, "invalid_api_key"]);
    }
    expect(admission.stats().rejected).toBe(0);
  });

  test.each([
    "/nothing",
    "/v1/models/",
    "/v1/models?x=1",
    "/healthy",
    "/swaggers",
    "//health",
    "/swagger/../v1/models",
  ])("hides %s from strangers", async (path) => {
    expect((await serve({ env: shared }).send(path)).status).toBe(401);
  });

  test.each([
    ["HEAD", "/"],
    ["GET", "/"],
    ["GET", "/health"],
    ["HEAD", "/health/"],
    ["GET", "/swagger"],
    ["GET", "/swagger/json"],
    ["GET", "/swagger/ui.css"],
    ["OPTIONS", "/v1/chat/completions"],
  ])("lets anyone %s %s", async (method, path) => {
    const headers = { authorization: "Bearer wrong-key" };
    const response = await serve({ env: shared }).send(path, { method, headers });
    expect(response.status).toBeLessThan(300);
  });

  test("serves who presents it", async () => {
    const { chat, requests } = serve({ env: shared });
    expect((await chat(hello, { headers: right })).status).toBe(200);
    expect(requests()[0]).toMatchObject({ principal: "shared" });
  });

  test.each(["/v1/models", "/health/../v1/models", "/swagger/../v1/models", "/swagger/%2e%2e/v1/models"])(
    "is not taken in by a broken Host header or by dots in a path: %s",
    async (path) => {
      await using server = serve({ env: shared }).listen();
      for (const host of ["localhost", "", "a b", "x/health?", "x/swagger/", "/"]) {
        const socket = connect(server.port, "127.0.0.1");
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Real-IP: 10.0.0.9\r\nConnection: close\r\n\r\n`);
        let answer = "";
        for await (const data of socket) answer += data;
        expect(answer).toMatch(/^HTTP\/1\.1 (400|401|403|404) /);
        expect(answer).not.toContain("claude-");
      }
    },
  );

  test("takes a caller on its own machine without one, but not with a wrong one", async () => {
    const served = serve({ env: shared });
    await using server = served.listen();
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}/v1/models`, { headers })).status;
    expect(await status({})).toBe(200);
    expect(await status({ authorization: "Bearer wrong" })).toBe(401);
    expect(await status({ "x-forwarded-for": "10.0.0.9" })).toBe(401);
    expect(served.requests().map((line) => line.principal)).toEqual(["local", null, null]);
  });
});
