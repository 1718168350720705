/**
 * What web pages may do. A browser sends requests wherever a page wants, this machine's own ports included, so those
 * of other sites' pages are refused before anything of them is read; and a name that is not ours is refused too, since
 * a page's own host name may be made to lead here (DNS rebinding). Programs that are no browsers send no Origin.
 */

import { OcpError } from "../core/errors.ts";
import { type Interfaces, isContainerName, isContainerPeer } from "./container-names.ts";

export interface BrowserOptions {
  /** Origins of pages that may call, as the settings give them. */
  origins: readonly string[];
  /** Names of this server besides this machine's own. */
  hosts: readonly string[];
  /** This machine's name, which may change while it runs. */
  hostname: () => string;
  interfaces: () => Interfaces;
}

export interface Browsers {
  /** `address` is the peer's, null when unknown. Throws OcpError forbidden. */
  check(request: Request, address: string | null): void;
  /** Returns whether this server is called as containers call their machine, by a name that OCP_ALLOWED_HOSTS does not hold. */
  isForContainers(request: Request): boolean;
  /** What a preflight of a listed origin is answered with, beside the headers that `dress` gives. */
  grants(request: Request, methods: readonly string[]): Record<string, string>;
  /** Sets the headers that tell browsers what they may do with the response. */
  dress(request: Request, response: Response): void;
}

export function createBrowsers({ origins, hosts, hostname, interfaces }: BrowserOptions): Browsers {
  const listedOrigins = new Set(origins.map((origin) => parseOrigin(origin)?.text));
  const listedHosts = new Set(["localhost", ...hosts.map(plainName)]);

  const isListed = (request: Request) => {
    const origin = parseOrigin(request.headers.get("origin"));
    return origin !== null && listedOrigins.has(origin.text);
  };

  function isOurs({ name, isLiteral }: Host): boolean {
    if (isLiteral || listedHosts.has(name)) return true;
    const own = plainName(hostname());
    const [label] = own.split(".");
    return own !== "" && [own, label, `${label}.local`].includes(name);
  }

  const isContainers = (host: Host | null) =>
    host !== null && isContainerName(host.name) && !listedHosts.has(host.name);

  return {
    check(request, address) {
      const host = parseHost(hostOf(request));
      const forContainers = isContainers(host);
      const isKnown = host !== null && (forContainers ? isContainerPeer(address, interfaces) : isOurs(host));
      if (!isKnown) throw new OcpError("forbidden", unknownName);
      if (isListed(request)) return;
      const origin = request.headers.get("origin");
      // None of our pages has such a name, and another site's name may be made to lead here.
      if (origin !== null && (forContainers || !isSameHost(parseOrigin(origin), host))) {
        throw new OcpError("forbidden", otherSite);
      }
      const site = request.headers.get("sec-fetch-site");
      if (site !== null && !["same-origin", "same-site", "none"].includes(site)) {
        throw new OcpError("forbidden", otherSite);
      }
    },
    isForContainers: (request) => isContainers(parseHost(hostOf(request))),
    grants(request, methods) {
      if (!isListed(request)) return {};
      const wanted = request.headers.get("access-control-request-headers") ?? "";
      return {
        "access-control-allow-methods": methods.join(", "),
        "access-control-max-age": "600",
        ...(/^[\w-]+(, ?[\w-]+)*$/.test(wanted) ? { "access-control-allow-headers": wanted } : {}),
        ...(request.headers.has("access-control-request-private-network")
          ? { "access-control-allow-private-network": "true" }
          : {}),
      };
    },
    dress(request, { headers }) {
      if (isListed(request)) {
        headers.set("access-control-allow-origin", request.headers.get("origin") as string);
        headers.set("access-control-expose-headers", "*");
      }
      headers.append("vary", "origin");
      headers.set("x-content-type-options", "nosniff");
      headers.set("referrer-policy", "no-referrer");
      headers.set("cross-origin-resource-policy", "same-origin");
      // Pages bring a policy that fits them, and assets say how long they may be kept.
      if (!headers.has("content-security-policy")) headers.set("content-security-policy", nothing);
      if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    },
  };
}

const nothing = "default-src 'none'; frame-ancestors 'none'";

const unknownName =
  "This server is not called by the name in the request's Host header. If the name is its own, add it to OCP_ALLOWED_HOSTS.";
const otherSite =
  "Web pages of other sites may not call this server. If this page may, add its origin to OCP_CORS_ORIGINS.";

interface Host {
  /** In lower case, without brackets, port and the dot of a complete name. */
  name: string;
  port: string | null;
  /** An IP address: no name that anyone could make lead here. */
  isLiteral: boolean;
}

/** A request that came by no socket has its host in its URL; one by a socket in its header, or it has none. */
function hostOf(request: Request): string | null {
  return request.headers.get("host") ?? (/^https?:\/\/([^/?#]*)/.exec(request.url)?.[1] || null);
}

const authority = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i;

/** Null for what is no host: two of them, one with a user name, an empty one. */
function parseHost(text: string | null): Host | null {
  const [, v6, name, port = null] = authority.exec(text ?? "") ?? [];
  if (v6 !== undefined) {
    return URL.canParse(`http://[${v6}]/`) ? { name: v6.toLowerCase(), port, isLiteral: true } : null;
  }
  if (name === undefined) return null;
  const isV4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(name) && name.split(".").every((part) => Number(part) < 256);
  return { name: plainName(name), port, isLiteral: isV4 };
}

interface Origin {
  scheme: string;
  host: Host;
  /** To compare with: lower case, without a port that is the scheme's own. */
  text: string;
}

/** Null for what is no origin, `null` among it: a page without one may be anybody's. */
function parseOrigin(text: string | null): Origin | null {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/i.exec(text ?? "") ?? [];
  const host = rest === undefined ? null : parseHost(rest);
  if (scheme === undefined || host === null) return null;
  const lower = scheme.toLowerCase();
  return { scheme: lower, host, text: `${lower}://${host.name}:${portOf(host, lower) ?? ""}` };
}

/** A page of this server has its name and port. Its scheme is https when a proxy adds that. */
function isSameHost(origin: Origin | null, host: Host): boolean {
  if (origin === null || !/^https?$/.test(origin.scheme)) return false;
  return origin.host.name === host.name && portOf(origin.host, origin.scheme) === portOf(host, origin.scheme);
}

function portOf({ port }: Host, scheme: string): string | null {
  return port ?? { http: "80", https: "443" }[scheme] ?? null;
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
