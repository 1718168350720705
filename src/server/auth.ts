/**
 * Who asks. Decided from the request's head and the peer's address alone, before the body is read; what the caller
 * may do is access.ts's.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Config } from "../config/settings.ts";
import { isLoopback } from "../core/address.ts";
import { type Principal, wellKnown } from "../core/principal.ts";
import type { KeyStore } from "../core/store.ts";

export interface Identity {
  /** Null: a stranger. */
  principal: Principal | null;
  /** The sentence for a caller who would need a key, or another one. */
  refusal: string;
  /** A key was presented that nobody has: perhaps a guess. */
  wrongKey: boolean;
  /** A program on this machine, whatever key it presents. */
  local: boolean;
  /** OCP_METRICS_KEY was presented. It makes nobody of its bearer. */
  metrics: boolean;
}

export interface AuthOptions {
  config: Pick<Config, "authMode" | "bind" | "proxyApiKey" | "anonymousKey" | "metricsKey" | "trustLoopback">;
  adminKey: string;
  store: Pick<KeyStore, "bySecret">;
  /** Epoch ms. */
  now: () => number;
}

/** `key` is what `presentedKey` says, `address` the peer's; null when unknown, then it is not local. */
export type Identify = (key: string | null, headers: Headers, address: string | null) => Identity;

const admin = wellKnown("admin", "admin");
const shared = wellKnown("shared", "user");
const anonymous = wellKnown("anonymous", "anonymous");
const remote = wellKnown("remote", "remote");

/** What a presented text turned out to be. */
type Verdict = Principal | "placeholder" | keyof typeof refusals;

const refusals = {
  missing: "This server wants a key: send it as `Authorization: Bearer <key>` or as `x-api-key`.",
  wrong: "The key that was sent is none of this server's.",
  revoked: "The key that was sent has been revoked.",
  expired: "The key that was sent has expired.",
  metrics: "The key that was sent opens /metrics alone.",
};

export function createIdentify({ config, adminKey, store, now }: AuthOptions): Identify {
  // Where no key is wanted, whoever sits at a server that listens to its own machine only is its owner.
  const isOwners = config.authMode === "none" && isLoopback(config.bind);
  const local = wellKnown("local", isOwners ? "admin" : "user");
  const secrets: Array<[string | undefined, Principal | "metrics"]> = [
    [adminKey, admin],
    [config.authMode === "shared" ? config.proxyApiKey : undefined, shared],
    [config.anonymousKey, anonymous],
    [config.metricsKey, "metrics"],
  ];
  const known = secrets.flatMap(([secret, bearer]) =>
    secret === undefined ? [] : [{ digest: digest(secret), bearer }],
  );

  function judge(key: string): Verdict {
    const presented = digest(key);
    // All are compared, whichever is right, so that the time tells nothing.
    const [match] = known.filter((each) => timingSafeEqual(each.digest, presented));
    if (match) return match.bearer;
    const record = store.bySecret(key);
    if (!record) return isPlaceholder(key) ? "placeholder" : "wrong";
    if (record.revokedAt !== null) return "revoked";
    if (record.expiresAt !== null && record.expiresAt <= now()) return "expired";
    return { id: `key-${record.id}`, name: record.name, role: "user", keyId: record.id };
  }

  /** Where no key is wanted, clients that must send one send any text; but none that looks like a key of ours. */
  function isPlaceholder(key: string): boolean {
    return config.authMode === "none" && !key.startsWith("ocp_");
  }

  return (key, headers, address) => {
    const isLocal = config.trustLoopback && address !== null && isLoopback(address) && !isForwarded(headers);
    const unnamed = isLocal ? local : config.authMode === "none" ? remote : null;
    const verdict = key === null ? "placeholder" : judge(key);
    const isRefused = typeof verdict === "string" && verdict !== "placeholder";
    return {
      principal: typeof verdict === "object" ? verdict : isRefused ? null : unnamed,
      refusal: refusals[isRefused ? verdict : "missing"],
      wrongKey: verdict === "wrong",
      local: isLocal,
      metrics: verdict === "metrics",
    };
  };
}

/** Reverse proxies and tunnels on this machine set one of these: their callers only look local. */
const forwardingHeaders = new Set([
  "via",
  "cdn-loop",
  "cf-ray",
  "cf-visitor",
  "cf-ipcountry",
  "x-scheme",
  "x-nginx-proxy",
]);
/** Parts of the names of the rest, which each proxy spells in its own way, such as `wl-proxy-client-ip`. */
const forwardingParts = [
  "forwarded",
  "tailscale-",
  "client-ip",
  "clientip",
  "connecting-ip",
  "real-ip",
  "real-port",
  "remote-addr",
  "remote-ip",
  "user-ip",
  "viewer-address",
  "external-address",
  "original-host",
  "original-uri",
  "original-url",
];

function isForwarded(headers: Headers): boolean {
  return [...headers.keys()].some((each) => {
    const name = each.replaceAll("_", "-");
    return forwardingHeaders.has(name) || forwardingParts.some((part) => name.includes(part));
  });
}

/**
 * The key in a request's head, only one, so that none can be tried beside a right one. A bearer token without a token
 * is what clients send that have no key.
 */
export function presentedKey(headers: Headers): string | null {
  const authorization = headers.get("authorization")?.trim() ?? "";
  const scheme = "bearer";
  const rest = authorization.slice(scheme.length);
  const isBearer = authorization.slice(0, scheme.length).toLowerCase() === scheme && !/^\w/.test(rest);
  const token = isBearer && rest !== rest.trimStart() ? rest.trim() : "";
  const isOther = authorization !== "" && !isBearer;
  return token || headers.get("x-api-key") || (isOther ? authorization : null);
}

/** Digests are compared, since `timingSafeEqual` wants equal lengths and a length is a hint too. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
