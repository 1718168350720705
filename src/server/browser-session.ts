/**
 * The session of a browser that has shown a key: a cookie that no script reads and no other site sends. It says whose
 * key it was and until when it holds, signed with a secret that the admin key makes, so that nothing is kept here and a
 * restart ends nothing. It ends with its key: a revoked, expired or rotated one, or another admin key.
 */

import { createHmac, scryptSync, timingSafeEqual } from "node:crypto";
import type { Config } from "../config/settings.ts";
import { type Principal, wellKnown } from "../core/principal.ts";
import { keyById } from "../core/quota.ts";
import type { KeyStore } from "../core/store.ts";

export interface BrowserSessions {
  /** The value of `Set-Cookie` that begins one; null for a principal that has none of its own. */
  begin(principal: Principal, secure: boolean): string | null;
  /** The value of `Set-Cookie` that ends it. */
  end(secure: boolean): string;
  /** Whose session the request's cookie is; null: it brings none that holds. */
  principalOf(headers: Headers): Principal | null;
}

export interface BrowserSessionOptions {
  adminKey: string;
  config: Pick<Config, "authMode" | "proxyApiKey">;
  keys: KeyStore;
  /** Epoch ms. */
  now: () => number;
}

/** Of the request that changes something, beside the cookie: a form of another site cannot send it. */
export const sessionHeader = "x-ocp-dashboard";

const name = "ocp_session";
const lifetime = 7 * 24 * 3_600_000;

const admin = wellKnown("admin", "admin");
const shared = wellKnown("shared", "user");

export function createBrowserSessions({ adminKey, config, keys, now }: BrowserSessionOptions): BrowserSessions {
  let secret: Buffer | null = null;
  const sign = (text: string) => {
    // Slow on purpose, and once: who holds a cookie must not try admin keys against it at leisure.
    secret ??= scryptSync(adminKey, "ocp browser session", 32, { N: 16_384, r: 8, p: 1 });
    return createHmac("sha256", secret).update(text).digest("base64url");
  };
  const short = (text: string) => sign(`mark ${text}`).slice(0, 16);

  /** What changes when the key does; null: there is no such key any more. */
  function markOf(id: string): string | null {
    if (id === admin.id) return short(adminKey);
    if (id === shared.id) {
      return config.authMode === "shared" && config.proxyApiKey !== undefined ? short(config.proxyApiKey) : null;
    }
    const key = keyOf(id);
    return key && short(`${key.id} ${key.preview} ${key.createdAt}`);
  }

  function keyOf(id: string) {
    const [, number] = /^key-(\d{1,15})$/.exec(id) ?? [];
    const key = number === undefined ? null : keyById(keys, Number(number));
    if (key === null || key.revokedAt !== null) return null;
    return key.expiresAt !== null && key.expiresAt <= now() ? null : key;
  }

  function principal(id: string): Principal | null {
    if (id === admin.id) return admin;
    if (id === shared.id) return shared;
    const key = keyOf(id);
    return key && { id, name: key.name, role: "user", keyId: key.id };
  }

  const attributes = (secure: boolean) => `Path=/; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;

  return {
    begin({ id }, secure) {
      const mark = markOf(id);
      if (mark === null) return null;
      const text = `${id}.${mark}.${now() + lifetime}`;
      return `${name}=${text}.${sign(text)}; Max-Age=${lifetime / 1000}; ${attributes(secure)}`;
    },
    end: (secure) => `${name}=; Max-Age=0; ${attributes(secure)}`,
    principalOf(headers) {
      const value = cookieOf(headers);
      const [, text = "", id = "", mark = "", until = "", signature = ""] =
        /^(([\w-]{1,40})\.([\w-]{16})\.(\d{1,16}))\.([\w-]{43})$/.exec(value) ?? [];
      if (text === "" || Number(until) <= now()) return null;
      if (!timingSafeEqual(Buffer.from(sign(text)), Buffer.from(signature))) return null;
      return markOf(id) === mark ? principal(id) : null;
    },
  };
}

/** Empty when there is none, or more than one. */
function cookieOf(headers: Headers): string {
  const values = (headers.get("cookie") ?? "")
    .split(";")
    .map((each) => each.trim())
    .filter((each) => each.startsWith(`${name}=`));
  return values.length === 1 ? (values[0]?.slice(name.length + 1) ?? "") : "";
}
