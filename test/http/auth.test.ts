import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { createAuthenticator, isLoopback } from "../../src/server/auth.ts";
import { errorOf, hello, serve } from "./served.ts";

const shared = { PROXY_API_KEY: "the-right-key" };
const right = { authorization: "Bearer the-right-key" };

describe("who asks", () => {
  const cases: Array<{
    mode: "none" | "shared";
    address: string | null;
    headers: Record<string, string>;
    who: string;
  }> = [
    { mode: "none", address: "127.0.0.1", headers: {}, who: "local" },
    { mode: "none", address: "::1", headers: {}, who: "local" },
    { mode: "none", address: "::ffff:127.0.0.1", headers: {}, who: "local" },
    { mode: "none", address: "192.168.1.7", headers: {}, who: "remote" },
    { mode: "none", address: "127.0.0.1", headers: { "x-forwarded-for": "192.168.1.7" }, who: "remote" },
    { mode: "none", address: null, headers: {}, who: "remote" },
    { mode: "none", address: "192.168.1.7", headers: { authorization: "Bearer anything" }, who: "remote" },
    { mode: "shared", address: "127.0.0.1", headers: {}, who: "local" },
    { mode: "shared", address: "127.0.0.1", headers: { authorization: "Bearer" }, who: "local" },
    { mode: "shared", address: "127.0.0.1", headers: right, who: "shared" },
    { mode: "shared", address: "192.168.1.7", headers: right, who: "shared" },
    { mode: "shared", address: "192.168.1.7", headers: { authorization: "bearer  the-right-key" }, who: "shared" },
    { mode: "shared", address: "192.168.1.7", headers: { "x-api-key": "the-right-key" }, who: "shared" },
    { mode: "shared", address: "192.168.1.7", headers: { ...right, "x-api-key": "another" }, who: "shared" },
    { mode: "shared", address: "192.168.1.7", headers: {}, who: "refused" },
    { mode: "shared", address: null, headers: {}, who: "refused" },
    { mode: "shared", address: "192.168.1.7", headers: { authorization: "Bearer the-right-ke" }, who: "refused" },
    { mode: "shared", address: "192.168.1.7", headers: { authorization: "Bearer The-Right-Key" }, who: "refused" },
    {
      mode: "shared",
      address: "192.168.1.7",
      headers: { authorization: "Basic dGhlLXJpZ2h0LWtleQ==" },
      who: "refused",
    },
    { mode: "shared", address: "127.0.0.1", headers: { authorization: "Bearer wrong" }, who: "refused" },
    { mode: "shared", address: "127.0.0.1", headers: { "x-api-key": "wrong" }, who: "refused" },
    { mode: "shared", address: "127.0.0.1", headers: { "x-forwarded-for": "10.0.0.9" }, who: "refused" },
    { mode: "shared", address: "127.0.0.1", headers: { forwarded: "for=10.0.0.9" }, who: "refused" },
    { mode: "shared", address: "127.0.0.1", headers: { "x-real-ip": "10.0.0.9" }, who: "refused" },
  ];
  const rows = cases.map((row) => ({ ...row, sent: JSON.stringify(row.headers) }));
  test.each(rows)("mode $mode, from $address, with $sent: $who", ({ mode, address, headers, who }) => {
    const { authenticate } = createAuthenticator({
      authMode: mode,
      proxyApiKey: mode === "shared" ? "the-right-key" : undefined,
    });
    const request = new Request("http://localhost/v1/models", { headers });
    const ask = () => authenticate(request, "/v1/models", address);
    if (who === "refused") expect(ask).toThrow(/key/);
    else expect(ask()).toMatchObject({ id: who, name: who });
  });

  test.each(["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])("%s is this machine", (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  test.each(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.org", "1270.0.0.1"])("%s is not", (address) => {
    expect(isLoopback(address)).toBe(false);
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
      for (const host of ["a", "", "a b", "x/health?", "x/swagger/", "/"]) {
        const socket = connect(server.port, "127.0.0.1");
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Real-IP: 10.0.0.9\r\nConnection: close\r\n\r\n`);
        let answer = "";
        for await (const data of socket) answer += data;
        expect(answer).toMatch(/^HTTP\/1\.1 (400|401|404) /);
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
