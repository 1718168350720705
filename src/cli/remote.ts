/** How commands reach the running server: where it is, with which key, and what to say when it does not answer. */

import { isIP } from "node:net";
import type { TSchema } from "@sinclair/typebox";
import { type Answer, askServer, openAnswer, readAnswer } from "../config/ask-server.ts";
import type { Environment } from "../config/load.ts";
import { resolvePaths } from "../config/paths.ts";
import { readServiceEnv } from "../config/service-env.ts";
import { OcpError } from "../core/errors.ts";
import { isVersion } from "../core/text.ts";
import { fieldsOf, textOf } from "./answers.ts";
import { keyFor, type OwnServer, type Presented } from "./key-for.ts";
import { type Host, usageError } from "./output.ts";
import { version } from "./version.ts";

/** The flags of every command that talks to a server. */
export const remoteArgs = {
  url: { type: "string", description: "The server, such as http://192.168.1.20:3456.", valueHint: "url" },
  key: { type: "string", description: "The key to present; others can see it in the list of processes." },
} as const;

export interface Remote {
  readonly url: string;
  /** A sentence when there is a key in `~/.ocp/admin-key` that this server does not get; else null. */
  readonly withheld: string | null;
  /** Resolves to the JSON of a 2xx answer of this shape. Throws OcpError with a sentence for everything else. */
  request<T>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    shape: TSchema | null,
    body?: unknown,
  ): Promise<T>;
  /** The response itself, for streams; throws as `request` does. */
  open(path: string, signal: AbortSignal): Promise<Response>;
}

/**
 * The server by `--url`, else OCP_URL, else on this machine where CLAUDE_PROXY_PORT or the installed service says.
 * `patience`: how long, in ms, it may take until its answer begins.
 */
export function connectRemote(args: Readonly<Record<string, unknown>>, host: Host, patience = 30_000): Remote {
  const asked = baseUrl(typeof args.url === "string" ? args.url : host.env.OCP_URL, host);
  const presented = keyFor(asked, typeof args.key === "string" ? args.key : null, host.env, ownServers(host));
  const { url, key, withheld } = presented;
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
  const orUnreachable = (cause: unknown): never => {
    throw cause instanceof OcpError ? cause : unreachable(url, cause);
  };

  return {
    url,
    withheld,
    async request<T>(method: string, path: string, shape: TSchema | null, body?: unknown): Promise<T> {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const type = body === undefined ? {} : { "content-type": "application/json" };
      const init = { method, headers: { ...headers, ...type }, ...json };
      const answer = await askServer(`${url}${path}`, init, { ms: patience }).catch(orUnreachable);
      if (!answer.ok) throw await refusal(presented, answer);
      const isFit = answer.json !== undefined && (shape === null || (await fits(shape, answer.json)));
      if (!isFit) throw await notUnderstood(url, `What answers at ${url} is not OCP.`);
      return answer.json as T;
    },
    async open(path, signal) {
      const response = await openAnswer(`${url}${path}`, { headers }, signal).catch(orUnreachable);
      if (response.ok) return response;
      throw await refusal(presented, await readAnswer(response).catch(orUnreachable));
    },
  };
}

async function fits(shape: TSchema, value: unknown): Promise<boolean> {
  const { Value } = await import("@sinclair/typebox/value");
  return Value.Check(shape, value);
}

function baseUrl(wanted: string | undefined, host: Host): string {
  if (wanted === undefined || wanted === "") return ownUrl(host);
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(wanted) ? wanted : `http://${wanted}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.username || url?.password) {
    throw usageError(
      "The address of a server has no name and no password in it. Give its key with --key or OCP_ADMIN_KEY.",
    );
  }
  if (!url?.hostname || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw usageError(`${JSON.stringify(wanted)} is no address of a server. It must be like http://192.168.1.20:3456.`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/(v1\/?)?$/, "");
}

/** Of this user's own server. */
export function ownUrl(host: Host): string {
  return ownServers(host)[0].url;
}

/** The places of this user's own server: as the environment says, and as the installed service says. */
function ownServers({ env }: Host): [OwnServer, OwnServer] {
  const service = env.HOME ? readServiceEnv(resolvePaths(env).serviceEnv) : {};
  const at = (port: string | undefined, bind: string | undefined) => ({
    url: urlOf({ CLAUDE_PROXY_PORT: port, CLAUDE_BIND: bind }),
    bind: bind ?? "",
  });
  return [
    at(env.CLAUDE_PROXY_PORT || service.CLAUDE_PROXY_PORT, env.CLAUDE_BIND || service.CLAUDE_BIND),
    at(service.CLAUDE_PROXY_PORT || env.CLAUDE_PROXY_PORT, service.CLAUDE_BIND || env.CLAUDE_BIND),
  ];
}

/** Where a server with these variables answers; one that listens on all addresses, or on a name, on the loopback one. */
export function urlOf({ CLAUDE_PROXY_PORT: port, CLAUDE_BIND: bind = "" }: Environment): string {
  const host = isIP(bind) === 0 || /^[0:.]+$/.test(bind) ? "127.0.0.1" : bind;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port || "3456"}`;
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

async function refusal({ url, key, withheld }: Presented, { status, json }: Answer): Promise<OcpError> {
  const said = textOf(fieldsOf(fieldsOf(json).error).message);
  if (status === 401) {
    const hint =
      key !== null
        ? "The server does not know the key that was presented. Set OCP_ADMIN_KEY to its admin key."
        : `The server wants a key. ${withheld ?? "Set OCP_ADMIN_KEY to its admin key, which it keeps in ~/.ocp/admin-key."}`;
    return new OcpError("invalid_api_key", hint);
  }
  if (status >= 300 && status < 400) {
    const sentence = `What answers at ${url} points to another address, which is not followed (${status}). Name that one.`;
    return new OcpError("upstream_failed", sentence);
  }
  if (status === 404) return notUnderstood(url, said ?? `What answers at ${url} is not OCP (404).`);
  if (said === null) return new OcpError("upstream_failed", `What answers at ${url} is not OCP (${status}).`);
  return new OcpError("upstream_failed", status === 403 && withheld !== null ? `${said} ${withheld}` : said);
}

/** Says of a server of another version that it is one; else `otherwise`. */
async function notUnderstood(url: string, otherwise: string): Promise<OcpError> {
  const health = await askServer(`${url}/health`, {}, { ms: 5_000 }).catch(() => null);
  const theirs = textOf(fieldsOf(health?.json).version);
  if (theirs === null || !isVersion(theirs) || theirs === version) return new OcpError("upstream_failed", otherwise);
  const older = Bun.semver.order(theirs, version) < 0 ? "the server" : "this ocp";
  const sentence = `The server at ${url} is OCP ${theirs}, and this ocp is ${version}: ${older} is older. Update it, or restart the server after an update.`;
  return new OcpError("upstream_failed", sentence);
}
