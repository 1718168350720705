/** The session of a browser: what its cookie opens, and when it ends. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminKey, serve } from "../http/served.ts";
import { root } from "../imports.ts";

const day = 86_400_000;

function signedIn(options: Parameters<typeof serve>[0] = {}) {
  const served = serve({ ...options, env: { CLAUDE_AUTH_MODE: "multi", ...options.env } });
  const call = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    served.send(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const admin = (method: string, path: string, body?: object) =>
    call(method, path, { authorization: `Bearer ${adminKey}` }, body);
  return {
    ...served,
    call,
    admin,
    async key(name: string, more: object = {}): Promise<{ id: number; key: string }> {
      return (await admin("POST", "/api/keys", { name, ...more })).json() as never;
    },
    /** The cookie, as a browser sends it back. */
    async signIn(key: string, headers: Record<string, string> = {}): Promise<string> {
      const response = await call("POST", "/dashboard/session", { authorization: `Bearer ${key}`, ...headers });
      expect(response.status).toBe(200);
      return response.headers.get("set-cookie")?.split(";")[0] ?? "";
    },
    as: (cookie: string, path: string, method = "GET", body?: object, more: Record<string, string> = {}) =>
      call(method, path, { cookie, ...more }, body),
  };
}

const fromPage = { "x-ocp-dashboard": "1" };

describe("signing in", () => {
  test("gives a cookie that no script reads and no other site sends, and that holds no key", async () => {
    const { call } = signedIn();
    const response = await call("POST", "/dashboard/session", { authorization: `Bearer ${adminKey}` });
    expect(await response.json()).toEqual({ principal: "admin", name: "admin", role: "admin" } as never);
    const cookie = response.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^ocp_session=[\w.-]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(adminKey);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const secure = await call("POST", "/dashboard/session", {
      authorization: `Bearer ${adminKey}`,
      "x-forwarded-proto": "https",
    });
    expect(secure.headers.get("set-cookie")).toEndWith("; Secure");
  });

  test("wants a key that is one, and one that shows something", async () => {
    const { call } = signedIn({ env: { PROXY_ANONYMOUS_KEY: "ocp_guests_00000000" } });
    for (const [key, status] of [
      ["ocp_wrong", 401],
      ["ocp_guests_00000000", 403],
      ["", 401],
    ] as const) {
      const response = await call("POST", "/dashboard/session", key === "" ? {} : { authorization: `Bearer ${key}` });
      expect([key, response.status, response.headers.get("set-cookie")]).toEqual([key, status, null]);
    }
  });

  test("tells who one is without an error for a stranger", async () => {
    const { call, as, signIn } = signedIn();
    const stranger = await call("GET", "/dashboard/session", {});
    expect([stranger.status, await stranger.json()]).toEqual([
      200,
      { principal: null, name: null, role: null },
    ] as never);
    const mine = await as(await signIn(adminKey), "/dashboard/session");
    expect(await mine.json()).toEqual({ principal: "admin", name: "admin", role: "admin" } as never);
  });
});

describe("the cookie", () => {
  test("opens what its key opens, and the model's API not at all", async () => {
    const { as, signIn, key } = signedIn();
    const laptop = await key("laptop");
    const [admin, user] = [await signIn(adminKey), await signIn(laptop.key)];
    for (const [path, forAdmin, forUser] of [
      ["/settings", 200, 403],
      ["/api/keys", 200, 403],
      ["/api/doctor", 200, 403],
      ["/logs", 200, 403],
      ["/api/me", 200, 200],
      ["/api/usage", 200, 200],
      ["/api/usage?all=true", 200, 403],
      ["/usage", 200, 200],
      ["/v1/models", 200, 200],
      ["/v1/models/sonnet", 200, 200],
    ] as const) {
      const statuses = [(await as(admin, path)).status, (await as(user, path)).status];
      expect([path, ...statuses]).toEqual([path, forAdmin, forUser]);
    }
    const asked = await as(admin, "/v1/chat/completions", "POST", { model: "sonnet", messages: [] }, fromPage);
    expect(asked.status).toBe(401);
    expect(await (await as(user, "/api/me")).json()).toMatchObject({ name: "laptop", role: "user" } as never);
  });

  test("changes nothing without the header that no form of another site sends", async () => {
    const { as, signIn } = signedIn();
    const cookie = await signIn(adminKey);
    const bare = await as(cookie, "/api/keys", "POST", { name: "x" });
    expect(bare.status).toBe(403);
    expect((await as(cookie, "/api/keys", "POST", { name: "x" }, fromPage)).status).toBe(201);
    expect((await as(cookie, "/cache", "DELETE")).status).toBe(403);
    expect((await as(cookie, "/cache", "DELETE", undefined, fromPage)).status).toBe(200);
    const other = { ...fromPage, origin: "https://evil.example" };
    expect((await as(cookie, "/api/keys", "POST", { name: "y" }, other)).status).toBe(403);
  });

  test("ends with its key: revoked, expired or renewed; and by itself after a week", async () => {
    const { as, admin, signIn, key, pass } = signedIn();
    const [revoked, rotated, expiring, kept] = [
      await key("a"),
      await key("b"),
      await key("c", { expiresAt: "2026-01-03T00:00:00Z" }),
      await key("d"),
    ];
    const cookies = await Promise.all([revoked, rotated, expiring, kept].map((each) => signIn(each.key)));
    const statuses = () => Promise.all(cookies.map(async (cookie) => (await as(cookie, "/api/me")).status));
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    await admin("DELETE", `/api/keys/${revoked.id}`);
    await admin("POST", `/api/keys/${rotated.id}/rotate`);
    pass(day);
    expect(await statuses()).toEqual([401, 401, 401, 200]);
    pass(6 * day);
    expect(await statuses()).toEqual([401, 401, 401, 401]);
  });

  test("is its key's also where another key is named like its id", async () => {
    const { as, signIn, key } = signedIn();
    const alice = await key("alice");
    const before = await signIn(alice.key);
    await key(String(alice.id));
    for (const cookie of [before, await signIn(alice.key)]) {
      expect(await (await as(cookie, "/api/me")).json()).toMatchObject({ name: "alice" } as never);
    }
  });

  test("that was changed, cut, or made for another server is none", async () => {
    const { as, signIn, key } = signedIn();
    const laptop = await key("laptop");
    const [cookie, admin] = [await signIn(laptop.key), await signIn(adminKey)];
    const value = cookie.slice("ocp_session=".length);
    const forged = [
      value.replace("key-1", "admin"),
      value.replace(/\.(\d+)\./, (_, until: string) => `.${Number(until) + 1}.`),
      value.slice(0, -1),
      `${value}x`,
      value.replace(/^[^.]+/, "key-2"),
      "",
      "admin",
      "a.b.1.c",
      "%00",
    ];
    for (const each of forged) {
      const response = await as(`ocp_session=${each}`, "/api/me");
      expect([each, response.status]).toEqual([each, 401]);
    }
    expect((await as(`${cookie}; ${admin}`, "/api/me")).status).toBe(401);
  });

  test("is taken away by signing out", async () => {
    const { as, signIn } = signedIn();
    const response = await as(await signIn(adminKey), "/dashboard/session", "DELETE", undefined, fromPage);
    expect(response.headers.get("set-cookie")).toBe("ocp_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict");
  });

  test("of the shared key ends when there is none any more", async () => {
    const shared = signedIn({ env: { CLAUDE_AUTH_MODE: "shared", PROXY_API_KEY: "ocp_shared_000000" } });
    const cookie = await shared.signIn("ocp_shared_000000");
    expect((await shared.as(cookie, "/api/me")).status).toBe(200);
    const without = signedIn();
    expect((await without.as(cookie, "/api/me")).status).toBe(401);
  });

  test("is not looked at where a key is sent as well", async () => {
    const { call, signIn } = signedIn();
    const cookie = await signIn(adminKey);
    const response = await call("GET", "/settings", { cookie, authorization: "Bearer ocp_wrong" });
    expect(response.status).toBe(401);
  });
});

describe("the files of the page", () => {
  test("come compressed, once, with a policy that lets in no other host and no script of the page's own", async () => {
    const { send } = signedIn();
    let total = 0;
    for (const [path, type] of [
      ["/dashboard", "text/html; charset=utf-8"],
      ["/dashboard/app.js", "text/javascript; charset=utf-8"],
      ["/dashboard/app.css", "text/css; charset=utf-8"],
    ]) {
      const response = await send(path as string, { headers: { "accept-encoding": "gzip, br" } });
      expect(response.headers.get("content-type")).toBe(type as string);
      expect(response.headers.get("content-encoding")).toBe("gzip");
      const packed = Buffer.from(await response.arrayBuffer());
      total += packed.length;
      const text = new TextDecoder().decode(Bun.gunzipSync(packed));
      const plain = await send(path as string);
      expect(await plain.text()).toBe(text);
      expect(plain.headers.get("content-encoding")).toBeNull();
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self';");
      expect(policy).not.toContain("unsafe");
      const etag = response.headers.get("etag") ?? "";
      expect((await send(path as string, { headers: { "if-none-match": etag } })).status).toBe(304);
      // Names of XML's kinds lead nowhere.
      const hosts = [...text.matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host);
      expect(hosts.filter((host) => host !== "www.w3.org")).toEqual([]);
      expect(text).not.toMatch(/localStorage|sessionStorage|document\.write|document\.cookie/);
      if (path === "/dashboard") expect(text).not.toMatch(/<script>|<style|javascript:| on\w+=| style=/);
    }
    expect(total).toBeLessThan(120 * 1024);
  });

  test("put nothing into the page but text", () => {
    const sources = [...new Bun.Glob("**/*.{ts,tsx}").scanSync(join(root, "dashboard"))];
    expect(sources.length).toBeGreaterThan(15);
    for (const source of sources) {
      const text = readFileSync(join(root, "dashboard", source), "utf8");
      expect({ source, found: /innerHTML|InnerHTML|outerHTML|insertAdjacent|eval\(/.test(text) }).toEqual({
        source,
        found: false,
      });
    }
  });

  test("are no others", async () => {
    const { send } = signedIn();
    for (const path of ["/dashboard/other.js", "/dashboard/..%2fapp.js", "/dashboard/%"]) {
      expect((await send(path)).status).toBeGreaterThanOrEqual(400);
    }
  });
});
