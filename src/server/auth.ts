/** Who asks. Decided from the request's head and the peer's address alone, before the body is read. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Config } from "../config/settings.ts";
import { OcpError } from "../core/errors.ts";
import { type Principal, wellKnown } from "../core/principal.ts";

const local = wellKnown("local", "user");
const remote = wellKnown("remote", "remote");
const shared = wellKnown("shared", "user");

/** Reverse proxies and tunnels on this machine set one of these: their callers only look local. */
const forwardingHeaders = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "x-client-ip",
  "cf-connecting-ip",
  "true-client-ip",
  "tailscale-user-login",
];

export interface Authenticator {
  /**
   * The principal, or null for a stranger on a public route. `path` is the path that the router matches,
   * `address` the peer's, null when unknown (then it is not local).
   * Throws OcpError invalid_api_key.
   */
  authenticate(request: Request, path: string, address: string | null): Principal | null;
}

export function createAuthenticator(config: Pick<Config, "authMode" | "proxyApiKey">): Authenticator {
  const expected = config.proxyApiKey === undefined ? null : digest(config.proxyApiKey);

  function identify(request: Request, address: string | null): Principal {
    const isLocal = address !== null && isLoopback(address) && !forwardingHeaders.some((h) => request.headers.has(h));
    if (config.authMode === "none") return isLocal ? local : remote;
    const presented = presentedKeys(request.headers);
    if (presented.length === 0) {
      if (isLocal) return local;
      throw new OcpError("invalid_api_key", "This server wants a key: send it as `Authorization: Bearer <key>`.");
    }
    if (expected && presented.some((key) => timingSafeEqual(digest(key), expected))) return shared;
    throw new OcpError("invalid_api_key", "The key that was sent is not the one of this server.");
  }

  return {
    authenticate(request, path, address) {
      if (!isPublic(request.method, path)) return identify(request, address);
      try {
        return identify(request, address);
      } catch {
        return null;
      }
    },
  };
}

function isPublic(method: string, path: string): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  return /^\/((health|api\/hello)\/?)?$/.test(path) || /^\/swagger(\/|$)/.test(path);
}

/** Whether the caller may see and do everything: without keys, whoever sits at a server that listens to itself only. */
export function isOwner(config: Pick<Config, "authMode" | "bind">, principal: Principal | null): boolean {
  return config.authMode === "none" && isLoopback(config.bind) && principal?.id === local.id;
}

/** Throws OcpError forbidden for anyone else. `what` is the subject of the sentence. */
export function assertOwner(config: Pick<Config, "authMode" | "bind">, principal: Principal | null, what: string) {
  if (!isOwner(config, principal)) throw new OcpError("forbidden", `${what} the owner's.`);
}

/** A bearer token without a token is what clients send that have no key to send. */
function presentedKeys(headers: Headers): string[] {
  const authorization = headers.get("authorization")?.replace(/^bearer(\s+|$)/i, "");
  return [authorization, headers.get("x-api-key")].filter((key): key is string => !!key);
}

/** Digests are compared, since `timingSafeEqual` wants equal lengths and a length is a hint too. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether an address, or a host name to bind to, is this machine's own. */
export function isLoopback(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, "").replace(/^::ffff:/i, "");
  return plain === "::1" || plain.toLowerCase() === "localhost" || /^127(\.\d{1,3}){3}$/.test(plain);
}
