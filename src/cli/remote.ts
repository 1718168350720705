/** How commands reach the running server: where it is, with which key, and what to say when it does not answer. */

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { Environment } from "../config/load.ts";
import { resolvePaths } from "../config/paths.ts";
import { readServiceEnv } from "../config/service-env.ts";
import { OcpError } from "../core/errors.ts";
import { fieldsOf, textOf } from "./answers.ts";
import { type Host, usageError } from "./output.ts";
import { version } from "./version.ts";

/** The flags of every command that talks to a server. */
export const remoteArgs = {
  url: { type: "string", description: "The server, such as http://192.168.1.20:3456.", valueHint: "url" },
  key: { type: "string", description: "The key to present; others can see it in the list of processes." },
} as const;

export interface Remote {
  readonly url: string;
  /** Resolves to the JSON of a 2xx answer. Throws OcpError with a sentence for everything else. */
  request<T>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T>;
  /** The response itself, for streams; throws as `request` does. */
  open(path: string, signal: AbortSignal): Promise<Response>;
}

/**
 * The server by `--url`, else OCP_URL, else on this machine where CLAUDE_PROXY_PORT or the installed service says.
 * `patience`: how long, in ms, it may take until its answer begins.
 */
export function connectRemote(args: Readonly<Record<string, unknown>>, host: Host, patience = 30_000): Remote {
  const url = baseUrl(typeof args.url === "string" ? args.url : host.env.OCP_URL, host);
  const key = typeof args.key === "string" ? args.key : ownKey(host);
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };

  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(`${url}${path}`, { ...init, redirect: "manual" }).catch((cause) => {
      throw unreachable(url, cause);
    });
    if (!response.ok) throw await refusal(url, response, key !== null);
    return response;
  };

  return {
    url,
    async request<T>(method: string, path: string, body?: unknown): Promise<T> {
      const signal = AbortSignal.timeout(patience);
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const type = body === undefined ? {} : { "content-type": "application/json" };
      const response = await send(path, { method, headers: { ...headers, ...type }, signal, ...json });
      return (response.json() as Promise<T>).catch(async (cause) => {
        throw await notUnderstood(url, `What answers at ${url} is not OCP.`, cause);
      });
    },
    open: (path, signal) => send(path, { headers, signal }),
  };
}

function baseUrl(wanted: string | undefined, host: Host): string {
  if (wanted === undefined || wanted === "") return ownUrl(host);
  const text = /^https?:\/\//.test(wanted) ? wanted : `http://${wanted}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url?.hostname || url.search || url.hash || url.username) {
    throw usageError(`${JSON.stringify(wanted)} is no address of a server. It must be like http://192.168.1.20:3456.`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/(v1\/?)?$/, "");
}

/** Of this user's own server. */
export function ownUrl({ env }: Host): string {
  const service = env.HOME ? readServiceEnv(resolvePaths(env).serviceEnv) : {};
  return urlOf({
    CLAUDE_PROXY_PORT: env.CLAUDE_PROXY_PORT || service.CLAUDE_PROXY_PORT,
    CLAUDE_BIND: env.CLAUDE_BIND || service.CLAUDE_BIND,
  });
}

/** Where a server with these variables answers; one that listens on all addresses, or on a name, on the loopback one. */
export function urlOf({ CLAUDE_PROXY_PORT: port, CLAUDE_BIND: bind = "" }: Environment): string {
  const host = isIP(bind) === 0 || /^[0:.]+$/.test(bind) ? "127.0.0.1" : bind;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port || "3456"}`;
}

/** OCP_ADMIN_KEY, else the key that the server wrote at its first start, if it is this user's. */
function ownKey(host: Host): string | null {
  if (host.env.OCP_ADMIN_KEY) return host.env.OCP_ADMIN_KEY;
  try {
    return readFileSync(resolvePaths(host.env).adminKey, "utf8").trim() || null;
  } catch {
    return null;
  }
}

function unreachable(url: string, cause: unknown): OcpError {
  const { name, code } = cause as { name?: string; code?: string };
  const why =
    name === "TimeoutError"
      ? `The server at ${url} does not answer.`
      : code === "ConnectionRefused" || code === "ECONNREFUSED"
        ? `Nothing listens at ${url}. Start it with \`ocp serve\`, or name the server with --url or OCP_URL.`
        : `The server at ${url} cannot be reached (${code ?? name ?? "unknown"}). Check the address.`;
  return new OcpError("not_ready", why, { cause });
}

async function refusal(url: string, response: Response, hadKey: boolean): Promise<OcpError> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: unknown } } | null;
  const said = typeof body?.error?.message === "string" ? body.error.message : null;
  if (response.status === 401) {
    const hint = hadKey
      ? "The server does not know the key that was presented. Set OCP_ADMIN_KEY to its admin key."
      : "The server wants a key. Set OCP_ADMIN_KEY to its admin key, which it keeps in ~/.ocp/admin-key.";
    return new OcpError("invalid_api_key", hint);
  }
  if (response.status === 404) return notUnderstood(url, said ?? `What answers at ${url} is not OCP (404).`);
  if (said === null) return new OcpError("upstream_failed", `What answers at ${url} is not OCP (${response.status}).`);
  return new OcpError("upstream_failed", said);
}

/** Says of a server of another version that it is one; else `otherwise`. */
async function notUnderstood(url: string, otherwise: string, cause?: unknown): Promise<OcpError> {
  const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) })
    .then((response) => response.json())
    .catch(() => null);
  const theirs = textOf(fieldsOf(health).version);
  if (theirs === null || theirs === version) return new OcpError("upstream_failed", otherwise, { cause });
  const older = Bun.semver.order(theirs, version) < 0 ? "the server" : "this ocp";
  const sentence = `The server at ${url} is OCP ${theirs}, and this ocp is ${version}: ${older} is older. Update it, or restart the server after an update.`;
  return new OcpError("upstream_failed", sentence, { cause });
}
