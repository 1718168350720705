/** Settings about who may come in. */

import { expect } from "bun:test";
import type { Bench, Effect } from "./bench.ts";

const keys = {
  PROXY_API_KEY: "a-key-that-all-share",
  OCP_ADMIN_KEY: "a-key-of-the-administrator",
  PROXY_ANONYMOUS_KEY: "a-key-for-guests",
  OCP_METRICS_KEY: "a-key-for-figures",
};
/** Under which a caller is taken for one from another machine. */
const elsewhere = { "x-forwarded-for": "10.0.0.9" };

/** The statuses with which paths answer a key, from another machine. */
async function opened(bench: Bench, key: string, ...paths: string[]): Promise<number[]> {
  const { url } = await bench.start({ env: keys });
  const headers = { ...elsewhere, authorization: `Bearer ${key}` };
  return Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`, { headers })).status));
}

/** What /health tells another machine of the key for guests. */
async function advertised(bench: Bench, env: Record<string, string>): Promise<unknown> {
  const { url } = await bench.start({ env: { ...keys, ...env } });
  return ((await (await fetch(`${url}/health`, { headers: elsewhere })).json()) as any).anonymousKey;
}

export const door: Record<string, Effect> = {
  async adminKey(bench) {
    expect(await opened(bench, keys.OCP_ADMIN_KEY, "/settings", "/api/keys", "/v1/models")).toEqual([200, 200, 200]);
  },

  async anonymousKey(bench) {
    expect(await opened(bench, keys.PROXY_ANONYMOUS_KEY, "/v1/models", "/api/me", "/settings")).toEqual([
      200, 403, 403,
    ]);
  },

  async advertiseAnonymousKey(bench) {
    expect(await advertised(bench, {})).toBeUndefined();
    expect(await advertised(bench, { PROXY_ADVERTISE_ANON_KEY: "1" })).toBe(keys.PROXY_ANONYMOUS_KEY);
  },

  async metricsKey(bench) {
    expect(await opened(bench, keys.OCP_METRICS_KEY, "/metrics", "/v1/models")).toEqual([200, 401]);
  },

  async trustLoopback(bench) {
    const statusWith = async (env: Record<string, string>) => {
      const { url } = await bench.start({ env: { ...keys, ...env } });
      return (await fetch(`${url}/v1/models`)).status;
    };
    expect(await statusWith({})).toBe(200);
    expect(await statusWith({ OCP_TRUST_LOOPBACK: "0" })).toBe(401);
  },

  async corsOrigins(bench) {
    const { url } = await bench.start({ env: { OCP_CORS_ORIGINS: "https://chat.example.org" } });
    const from = (origin: string) => fetch(`${url}/v1/models`, { headers: { origin } });
    const listed = await from("https://chat.example.org");
    expect(listed.status).toBe(200);
    expect(listed.headers.get("access-control-allow-origin")).toBe("https://chat.example.org");
    const other = await from("https://other.example.org");
    expect(other.status).toBe(403);
    expect(other.headers.has("access-control-allow-origin")).toBe(false);
  },

  async allowedHosts(bench) {
    const { url } = await bench.start({ env: { OCP_ALLOWED_HOSTS: "claude.home.arpa" } });
    const under = async (host: string) => (await fetch(`${url}/v1/models`, { headers: { host } })).status;
    expect(await under("claude.home.arpa")).toBe(200);
    expect(await under("other.home.arpa")).toBe(403);
  },
};
