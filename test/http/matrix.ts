/**
 * Asks one server everything for everyone, and writes what it was answered as JSON: run by matrix.test.ts in a network
 * namespace. Usage: bun matrix.ts TARGET SETUP, where SETUP is a name in `setups`, and paths come as further arguments.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/open.ts";
import { startOcp, type Target } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";
import { head, raw } from "./raw.ts";

export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

export const keyNames = [
  "no key",
  "any text",
  "wrong",
  "revoked",
  "expired",
  "anonymous",
  "metrics",
  "shared",
  "user",
  "admin",
] as const;
export type KeyName = (typeof keyNames)[number];
export type From = "loopback" | "LAN";

/** One answer. */
export interface Asked {
  from: From;
  key: KeyName;
  method: string;
  path: string;
  status: number;
  /** Whether it tells what /health tells only to some. */
  detailed: boolean;
}

/** How the server under test is set up. */
export const setups: Record<string, { bind: string; env: Record<string, string> }> = {
  "none, for itself": { bind: "127.0.0.1", env: { CLAUDE_AUTH_MODE: "none" } },
  none: { bind: "0.0.0.0", env: { CLAUDE_AUTH_MODE: "none" } },
  shared: { bind: "0.0.0.0", env: { CLAUDE_AUTH_MODE: "shared" } },
  multi: { bind: "0.0.0.0", env: { CLAUDE_AUTH_MODE: "multi" } },
};

const secrets = {
  PROXY_API_KEY: "the-shared-key",
  PROXY_ANONYMOUS_KEY: "the-key-for-guests",
  OCP_METRICS_KEY: "the-key-for-metrics",
  OCP_ADMIN_KEY: "the-key-of-the-admin",
};

const keys: Record<KeyName, string | null> = {
  "no key": null,
  "any text": "sk-any-text",
  wrong: "ocp_0123456789abcdefghijklmnopqrstuv",
  revoked: null,
  expired: null,
  anonymous: secrets.PROXY_ANONYMOUS_KEY,
  metrics: secrets.OCP_METRICS_KEY,
  shared: secrets.PROXY_API_KEY,
  user: null,
  admin: secrets.OCP_ADMIN_KEY,
};

/** Makes the keys of people before the server starts. */
function makeKeys(home: string): void {
  const directory = join(home, ".ocp");
  mkdirSync(directory, { mode: 0o700 });
  const store = openStore({ directory, now: Date.now, log: { info() {}, warn() {}, error() {} } });
  keys.user = store.keys.create("laptop", null).secret;
  const lost = store.keys.create("lost", null);
  store.keys.revoke(lost.key.id);
  keys.revoked = lost.secret;
  const old = store.keys.create("old", null);
  store.keys.setExpiry(old.key.id, Date.now() - 1);
  keys.expired = old.secret;
  store.close();
}

async function askAll(target: Target, setup: string, paths: readonly string[]): Promise<Asked[]> {
  const { bind, env } = setups[setup]!;
  await using temp = await createTemp();
  makeKeys(temp.home);
  await using ocp = await startOcp({ target, args: ["--bind", bind], env: { ...secrets, ...env }, temp });
  const port = Number(new URL(ocp.url).port);
  const senders: From[] = bind === "127.0.0.1" ? ["loopback"] : ["loopback", "LAN"];
  const asked: Asked[] = [];
  let count = 0;
  for (const from of senders) {
    const network = from === "loopback" ? "127.0" : "10.77";
    for (const key of keyNames) {
      const sent = keys[key] === null ? {} : { Authorization: `Bearer ${keys[key]}` };
      for (const path of paths) {
        for (const method of methods) {
          // Each asks from an address of its own, or wrong keys would be slowed.
          count++;
          const sender = { port, host: `${network}.0.1`, from: `${network}.${1 + (count >> 8)}.${count & 255}` };
          const body = ["POST", "PUT", "PATCH"].includes(method) ? "{}" : "";
          const length: Record<string, number> = body === "" ? {} : { "Content-Length": body.length };
          using one = raw(sender, head(method, path, { ...sent, ...length, Connection: "close" }) + body);
          await one.said("\r\n\r\n");
          if (path === "/health") await one.closed;
          const text = one.text();
          const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
          asked.push({ from, key, method, path, status, detailed: text.includes('"claudeBinary"') });
        }
      }
    }
  }
  return asked;
}

if (import.meta.main) {
  const [target, setup, ...paths] = process.argv.slice(2);
  await Bun.write(Bun.stdout, JSON.stringify(await askAll(target as Target, setup!, paths)));
}
