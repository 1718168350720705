/**
 * Which key a command presents to a server. `--key` and OCP_ADMIN_KEY are what the caller wants, and go where the caller
 * says. The key in `~/.ocp/admin-key` was made by this user's own server and goes to no other: not to another machine,
 * not to another port of this one, where a tunnel to another machine may listen, and not to another user's process at
 * the own port, as far as the system says whose it is.
 */

import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { isThisMachine } from "../config/ask-server.ts";
import { listenersAt } from "../config/listener.ts";
import type { Environment } from "../config/load.ts";
import { resolvePaths } from "../config/paths.ts";
import { isLoopback } from "../core/address.ts";

/** A server of this user's: where commands reach it, and the address that it listens on; empty: the usual one. */
export interface OwnServer {
  url: string;
  bind: string;
}

export interface Presented {
  /** The server, by address where it was named `localhost`: another program may have that name's other address. */
  url: string;
  /** Null: none is presented. */
  key: string | null;
  /** A sentence on the key of the file that this server does not get; null: there is none, or it is presented. */
  withheld: string | null;
}

/** `given`: the key of `--key`. */
export function keyFor(url: string, given: string | null, env: Environment, own: readonly OwnServer[]): Presented {
  const wanted = given ?? (env.OCP_ADMIN_KEY || null);
  if (wanted !== null) return { url, key: wanted, withheld: null };
  const kept = keyInFile(env);
  if (kept === null) return { url, key: null, withheld: null };
  const asked = URL.canParse(url) ? new URL(url) : null;
  const server = own.find((each) => asked !== null && isAt(asked, each));
  if (server) return presentedTo(byAddress(url, server), kept, env);
  const isOtherPort = asked !== null && asked.port !== "" && isLoopback(asked.hostname);
  const otherPort = isOtherPort ? `; if it is your own, name its port with CLAUDE_PROXY_PORT=${asked.port}` : "";
  return {
    url,
    key: null,
    withheld: `The key in ~/.ocp/admin-key is for this machine's own server at ${own[0]?.url} and was not sent to ${url}. Give that server's key with --key or OCP_ADMIN_KEY${otherPort}.`,
  };
}

/** `url`: of this user's own server, by address. */
function presentedTo(url: string, key: string, env: Environment): Presented {
  const { hostname, port, protocol } = new URL(url);
  const withhold = (why: string) => ({
    url,
    key: null,
    withheld: `The key in ~/.ocp/admin-key was not sent to ${url}: ${why}`,
  });
  // The address may have become another machine's since it was written down.
  if (!isThisMachine(hostname)) return withhold(`${hostname} is not an address of this machine. See CLAUDE_BIND.`);
  const usual = protocol === "https:" ? 443 : 80;
  const stranger = listenersAt(hostname, Number(port || usual)).find(
    (uid) => !mayRead(resolvePaths(env).adminKey, uid),
  );
  if (stranger === undefined) return { url, key, withheld: null };
  return withhold(
    `a process of user ${stranger} listens there, who may not read it. If you trust that server, give its key with --key or OCP_ADMIN_KEY.`,
  );
}

/** Root, the owner of the file, and the user of this command. */
function mayRead(file: string, uid: number): boolean {
  return [0, statSync(file, { throwIfNoEntry: false })?.uid, process.getuid?.()].includes(uid);
}

/** Tells whether this server listens at the URL. It never does at a name: a name server chooses where that leads. */
function isAt(url: URL, { url: known, bind }: OwnServer): boolean {
  if (!URL.canParse(known)) return false;
  const { protocol, port, hostname } = new URL(known);
  if (url.protocol !== protocol || url.port !== port) return false;
  if (url.hostname === hostname || url.hostname === "localhost") return true;
  // It listens on all addresses: of IPv4, or of both families.
  const families = bind === "0.0.0.0" ? [4] : /^[0:]+$/.test(bind) && bind.includes(":") ? [4, 6] : [];
  const address = url.hostname.replace(/^\[|\]$/g, "");
  if (!families.includes(isIP(address))) return false;
  return isThisMachine(address);
}

function byAddress(url: string, { url: known }: OwnServer): string {
  const { hostname, origin } = new URL(url);
  return hostname === "localhost" ? url.replace(origin, known) : url;
}

function keyInFile(env: Environment): string | null {
  try {
    return readFileSync(resolvePaths(env).adminKey, "utf8").trim() || null;
  } catch {
    return null;
  }
}
