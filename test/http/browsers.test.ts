/** What a web page may do, told by what browsers say of it; test/http/pages.test.ts asks a real one. */

import { describe, expect, test } from "bun:test";
import { head, raw } from "./raw.ts";
import { errorOf, hello, helloStream, says, serve } from "./served.ts";

const listed = { OCP_CORS_ORIGINS: "https://chat.example.org, app://obsidian.md,http://[::1]:3000" };

/** The status for a request over a socket with these header lines; `spent` is whether a turn has run. */
async function ask(lines: string, env: Record<string, string> = {}, method = "POST", path = "/v1/chat/completions") {
  let spent = false;
  const served = serve({
    env,
    script(conversation, context) {
      spent = true;
      return says("Hello")(conversation, context);
    },
  });
  await using server = served.listen();
  const body = JSON.stringify(hello);
  const own = lines.replaceAll("PORT", String(server.port));
  const sent = method === "POST" ? `Content-Length: ${body.length}\r\n\r\n${body}` : "\r\n";
  using one = raw(server, `${method} ${path} HTTP/1.1\r\nConnection: close\r\n${own}${sent}`);
  const answer = await one.closed;
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  return { status, spent, answer };
}

describe("the name in the Host header", () => {
  const ours: Array<[string, Record<string, string>?]> = [
    ["localhost:PORT"],
    ["LOCALHOST"],
    ["localhost."],
    ["127.0.0.1:PORT"],
    ["192.168.1.20:3456"],
    ["[::1]:PORT"],
    ["[::1]"],
    ["[fe80::1]:80"],
    ["[::ffff:127.0.0.1]"],
    ["box"],
    ["BOX:3456"],
    ["box.local"],
    ["box.local.:3456"],
    ["box.example.org"],
    ["ocp.example.net", { OCP_ALLOWED_HOSTS: "ocp.example.net" }],
    ["OCP.example.net.:443", { OCP_ALLOWED_HOSTS: "x, Ocp.Example.net." }],
  ];
  test.each(ours)("%s is ours", async (host, env = {}) => {
    expect((await ask(`Host: ${host}\r\n`, env, "GET", "/v1/models")).status).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:PORT",
    "localhost.evil.example",
    "evil-localhost",
    "127.0.0.1.evil.example",
    "box.evil.example",
    "box.local.evil.example",
    "evil.box.local",
    "localhost@evil.example",
    "evil.example@localhost",
    "user:word@localhost",
    "localhost/",
    "localhost:",
    "localhost:80:80",
    "localhost:http",
    "localhost:999999",
    "localhost..",
    ".",
    ".local",
    "",
    " ",
    "localhost localhost",
    "localhost,evil.example",
    "localhost%00.evil.example",
    "localhost#evil",
    "localhost?evil",
    "::1",
    "[::1",
    "[::1]evil",
    "[localhost]",
    "[::1%25lo]",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "127.0.0.256",
    "xn--lcalhost-9za",
    "l\u00f6calhost",
    "null",
  ])("%p is not, and nothing is asked in it", async (host) => {
    const { status, spent, answer } = await ask(`Host: ${host}\r\n`);
    expect([status, spent]).toEqual([403, false]);
    expect(answer).toContain("OCP_ALLOWED_HOSTS");
  });

  test.each([
    ["two of them", "Host: localhost\r\nHost: evil.example\r\n"],
    ["two of them, the other way round", "Host: evil.example\r\nHost: localhost\r\n"],
    ["two that are the same", "Host: localhost\r\nHost: localhost\r\n"],
  ])("is refused when there are %s", async (_name, lines) => {
    expect(await ask(lines)).toMatchObject({ status: 403, spent: false });
  });

  test("is wanted, also of a client of HTTP/1.0", async () => {
    await using server = serve().listen();
    using old = raw(server, "GET /v1/models HTTP/1.0\r\n\r\n");
    expect(await old.closed).toStartWith("HTTP/1.1 403 ");
    using older = raw(server, "GET /v1/models HTTP/1.0\r\nHost: localhost\r\n\r\n");
    expect(await older.closed).toStartWith("HTTP/1.1 200 ");
    using none = raw(server, "GET /v1/models HTTP/1.1\r\n\r\n");
    expect(await none.closed).toStartWith("HTTP/1.1 400 ");
  });

  test("counts, not the one in the request line", async () => {
    await using server = serve().listen();
    using one = raw(
      server,
      "GET http://localhost/v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    expect(await one.closed).toStartWith("HTTP/1.1 403 ");
  });
});

describe.each(["host.docker.internal", "gateway.docker.internal", "host.containers.internal"])(
  "the name %s, by which containers call this machine",
  (name) => {
    test.each([name, `${name}:PORT`, `${name.toUpperCase()}.:3456`])("is ours on this machine: %s", async (host) => {
      expect(await ask(`Host: ${host}\r\n`)).toMatchObject({ status: 200, spent: true });
    });

    test("makes nobody the owner, or somebody of this machine", async () => {
      const statusOf = async (host: string, path: string, env: Record<string, string> = {}) =>
        (await ask(`Host: ${host}\r\n`, env, "GET", path)).status;
      expect(await statusOf("localhost", "/settings")).toBe(200);
      expect(await statusOf(name, "/settings")).toBe(401);
      expect((await ask(`Host: ${name}\r\n`, {}, "GET", "/health")).answer).not.toContain("claudeBinary");
      const keyed = { PROXY_API_KEY: "the-shared-key" };
      expect(await statusOf("localhost", "/v1/models", keyed)).toBe(200);
      expect(await statusOf(name, "/v1/models", keyed)).toBe(401);
    });

    test.each([`http://${name}:PORT`, `http://${name}`, "http://localhost:PORT", "https://evil.example", "null"])(
      "is no page's, not even of %s",
      async (origin) => {
        expect(await ask(`Host: ${name}:PORT\r\nOrigin: ${origin}\r\n`)).toMatchObject({ status: 403, spent: false });
      },
    );

    test("may be called by a page that OCP_CORS_ORIGINS lists", async () => {
      const lines = `Host: ${name}:PORT\r\nOrigin: https://chat.example.org\r\n`;
      expect(await ask(lines, listed)).toMatchObject({ status: 200, spent: true });
    });

    test("is a name like any other where OCP_ALLOWED_HOSTS lists it", async () => {
      const env = { OCP_ALLOWED_HOSTS: name };
      expect((await ask(`Host: ${name}\r\n`, env, "GET", "/settings")).status).toBe(200);
      const page = `Host: ${name}:PORT\r\nOrigin: http://${name}:PORT\r\n`;
      expect(await ask(page, env)).toMatchObject({ status: 200, spent: true });
    });

    test.each([`evil.${name}`, `${name}.evil.example`, `x${name}`, "docker.internal", "other.docker.internal"])(
      "is not %s",
      async (host) => {
        expect(await ask(`Host: ${host}\r\n`)).toMatchObject({ status: 403, spent: false });
      },
    );
  },
);

describe("a page", () => {
  const from = (origin: string, host = "localhost:PORT") => `Host: ${host}\r\nOrigin: ${origin}\r\n`;

  test.each<[string, Record<string, string>?]>([
    [from("http://localhost:PORT")],
    [from("HTTP://LOCALHOST:PORT")],
    [from("http://127.0.0.1:PORT", "127.0.0.1:PORT")],
    [from("http://[::1]:PORT", "[::1]:PORT")],
    [from("http://box.local:PORT", "box.local:PORT")],
    [from("http://box", "box")],
    [from("http://box", "box:80")],
    [from("https://box", "box")],
    [from("https://box", "box:443")],
    [from("https://chat.example.org"), listed],
    [from("https://chat.example.org:443"), listed],
    [`${from("https://chat.example.org")}Sec-Fetch-Site: cross-site\r\n`, listed],
    [from("app://obsidian.md"), listed],
    [from("http://[::1]:3000"), listed],
    ["Host: localhost\r\nSec-Fetch-Site: none\r\n"],
    ["Host: localhost\r\nSec-Fetch-Site: same-origin\r\n"],
    ["Host: localhost\r\nSec-Fetch-Mode: cors\r\n"],
    ["Host: localhost\r\n"],
  ])("may ask, or it is none: %j", async (lines, env = {}) => {
    expect(await ask(lines, env)).toMatchObject({ spent: true });
  });

  test.each<[string, Record<string, string>?]>([
    [from("http://evil.example")],
    [from("http://evil.example:PORT", "localhost:PORT")],
    [from("http://localhost:1")],
    [from("http://localhost")],
    [from("https://localhost:PORT", "localhost")],
    [from("http://127.0.0.1:PORT")],
    [from("http://localhost:PORT.evil.example")],
    [from("http://localhost:PORT@evil.example")],
    [from("http://evil.example@localhost:PORT")],
    [from("http://user@localhost:PORT")],
    [from("http://localhost:PORT/")],
    [from("http://localhost:PORT http://evil.example")],
    [from("http://localhost:PORT, http://evil.example")],
    [from("//localhost:PORT")],
    [from("localhost:PORT")],
    [from("file://localhost:PORT")],
    [from("chrome-extension://localhost:PORT")],
    [from("null")],
    [from("")],
    [from(" ")],
    [from("file://")],
    [from("*")],
    [`${from("http://localhost:PORT")}Origin: http://evil.example\r\n`],
    [`${from("http://evil.example")}Origin: http://localhost:PORT\r\n`],
    [`${from("http://localhost:PORT")}Sec-Fetch-Site: cross-site\r\n`],
    ["Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"],
    ["Host: localhost\r\nSec-Fetch-Site: Cross-Site\r\n"],
    ["Host: localhost\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n"],
    ["Host: localhost\r\nSec-Fetch-Site: \r\n"],
    [from("http://chat.example.org"), listed],
    [from("https://chat.example.org:8443"), listed],
    [from("https://chat.example.org.evil.example"), listed],
    [from("https://evil.chat.example.org"), listed],
    [from("app://evil.md"), listed],
    [from("null"), listed],
  ])("may not: %j", async (lines, env = {}) => {
    for (const method of ["POST", "GET", "OPTIONS"]) {
      const { status, spent, answer } = await ask(lines, env, method);
      expect([method, status, spent]).toEqual([method, 403, false]);
      expect(answer).not.toMatch(/^access-control-allow-origin/im);
    }
  });

  test("may not under a name that is not ours, although it is listed", async () => {
    const { status, spent } = await ask(from("https://chat.example.org", "evil.example"), listed);
    expect([status, spent]).toEqual([403, false]);
  });

  test("is refused before anything of its request is read", async () => {
    await using server = serve().listen();
    using one = raw(
      server,
      head("POST", "/v1/chat/completions", { Origin: "http://evil.example", "Content-Length": 10 }),
    );
    await one.said("HTTP/1.1 403 ");
  });

  test("is refused in the shape of the dialect, and noted in the log", async () => {
    const served = serve();
    const headers = { origin: "http://evil.example" };
    const openai = await served.send("/v1/chat/completions", { method: "POST", headers, body: "{}" });
    expect(await errorOf(openai)).toMatchObject({ type: "permission_error", code: "forbidden" });
    const anthropic = await served.send("/v1/messages", { method: "POST", headers, body: "{}" });
    expect(await anthropic.json()).toMatchObject({ type: "error", error: { type: "permission_error" } });
    expect(served.requests()).toHaveLength(2);
    expect(served.requests()[0]).toMatchObject({ status: 403, outcome: "forbidden" });
  });
});

describe("a page that is listed", () => {
  const origin = "https://chat.example.org";
  const preflight = (headers: Record<string, string> = {}) => ({
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "sec-fetch-site": "cross-site", ...headers },
  });
  const granted = (response: Response) =>
    [...response.headers].filter(([name]) => name.startsWith("access-control")).sort();

  test("is told before it asks what it may, without a key", async () => {
    const { send } = serve({ env: { ...listed, CLAUDE_AUTH_MODE: "multi" } });
    const wanted = "authorization, content-type, x-stainless-os";
    const response = await send("/v1/chat/completions", preflight({ "access-control-request-headers": wanted }));
    expect(response.status).toBe(204);
    expect(granted(response)).toEqual([
      ["access-control-allow-headers", wanted],
      ["access-control-allow-methods", "OPTIONS, POST"],
      ["access-control-allow-origin", origin],
      ["access-control-expose-headers", "*"],
      ["access-control-max-age", "600"],
    ]);
    expect(response.headers.get("vary")).toBe("origin");
  });

  test("may reach into the private network, if it asks", async () => {
    const { send } = serve({ env: listed });
    const ask = preflight({ "access-control-request-private-network": "true" });
    expect((await send("/v1/models", ask)).headers.get("access-control-allow-private-network")).toBe("true");
  });

  test("gets no header back that is none", async () => {
    const ask = preflight({ "access-control-request-headers": "x-good, <script>" });
    const response = await serve({ env: listed }).send("/v1/models", ask);
    expect(response.headers.get("access-control-allow-headers")).toBeNull();
  });

  test("reads every answer, also an error and a stream, and none is another's", async () => {
    const { send } = serve({ env: listed });
    const body = JSON.stringify(helloStream);
    for (const [path, init, status] of [
      ["/v1/models", {}, 200],
      ["/v1/chat/completions", { method: "POST", body }, 200],
      ["/v1/chat/completions", { method: "POST", body: "{" }, 400],
      ["/nothing", {}, 404],
    ] as const) {
      const response = await send(path, { ...init, headers: { origin } });
      await response.text();
      expect(response.status).toBe(status);
      expect(granted(response)).toEqual([
        ["access-control-allow-origin", origin],
        ["access-control-expose-headers", "*"],
      ]);
      expect(response.headers.get("vary")).toContain("origin");
    }
    expect(granted(await send("/v1/models"))).toEqual([]);
  });

  test("needs its key all the same", async () => {
    const { send } = serve({ env: { ...listed, CLAUDE_AUTH_MODE: "multi" } });
    expect((await send("/v1/models", { headers: { origin } })).status).toBe(401);
  });
});

describe("every answer tells browsers what they may do with it:", () => {
  const always = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
  };
  const inert = "default-src 'none'; frame-ancestors 'none'";

  test.each<[string, RequestInit, string]>([
    ["/", {}, "no-store"],
    ["/health", {}, "no-store"],
    ["/v1/models", {}, "no-store"],
    ["/v1/models", { method: "OPTIONS" }, "no-store"],
    ["/v1/chat/completions", { method: "POST", body: JSON.stringify(hello) }, "no-store"],
    ["/v1/chat/completions", { method: "POST", body: JSON.stringify(helloStream) }, "no-cache"],
    ["/v1/chat/completions", { method: "POST", body: "{" }, "no-store"],
    ["/nothing", {}, "no-store"],
    ["/v1/models", { headers: { origin: "null" } }, "no-store"],
    ["/swagger/json", {}, "no-store"],
    ["/swagger/ui.css", {}, "public, max-age=86400"],
  ])("%s %j", async (path, init, cache) => {
    const { headers } = await serve().send(path, init);
    expect(Object.fromEntries(headers)).toMatchObject({ ...always, "content-security-policy": inert });
    expect([headers.get("cache-control"), headers.get("vary")]).toEqual([cache, expect.stringMatching(/\borigin$/)]);
  });

  test("a page has a policy of its own, and is in nobody's frame", async () => {
    const { headers } = await serve().send("/swagger");
    expect(Object.fromEntries(headers)).toMatchObject(always);
    expect(headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  });
});
