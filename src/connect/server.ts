/** The server that clients are pointed to: where it is, what it is, what it serves, and whether it answers. */

import { askServer, type Bounds } from "../config/ask-server.ts";
import { OcpError } from "../core/errors.ts";
import { isVersion, withoutVersion } from "../core/text.ts";
import { isFields, valueAt } from "../edit/path.ts";
import type { Dialect, ServedModel } from "./client.ts";

export interface Server {
  /** Without `/v1`. */
  url: string;
  version: string;
  /** The server's own word; `none` lets everybody in. */
  authMode: string;
  /** For guests, where the owner gives it to all. */
  anonymousKey: string | null;
  /** What it says of itself when it is not well. */
  isWell: boolean;
}

const usualPort = 3456;
const oldestVersion = "4.0.0-0";
/** How long, in ms, a server may take until it has said what it is; and an answer of the model. */
const helloTime = 10_000;
const answerTime = 120_000;
/** Bytes of what a server says of itself, of its list of models, and of an answer of the model. */
const [largestHello, largestList, largestAnswer] = [256 * 1024, 2 * 1024 * 1024, 1024 * 1024];
/** Each goes into the files of most clients, and is offered in their menus. A server of OCP has about ten. */
const mostModels = 100;

/** `192.168.1.20`, `pi.local:4000`, `[fd00::1]:3456`, a URL. Throws OcpError invalid_request. */
export function urlOfAddress(address: string): string {
  const hasScheme = /^[a-z]+:\/\//i.test(address);
  // An IPv6 address by itself has no place for a port.
  const isBareIpv6 = !hasScheme && /^[0-9a-f:.]+$/i.test(address) && address.split(":").length > 2;
  const text = hasScheme ? address : `http://${isBareIpv6 ? `[${address}]` : address}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.username || url?.password) {
    throw new OcpError("invalid_request", "The address of a server has no name and no password in it.");
  }
  if (!url?.hostname || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new OcpError(
      "invalid_request",
      `${JSON.stringify(address)} is no address of a server. It must be like 192.168.1.20, pi.local:3456 or http://192.168.1.20:3456.`,
    );
  }
  if (!hasScheme && url.port === "" && !/:80$/.test(address)) url.port = String(usualPort);
  return withoutVersion(`${url.origin}${url.pathname}`);
}

/** Throws OcpError not_ready with what is wrong there, in a sentence. */
export async function findServer(url: string): Promise<Server> {
  const { status, json: health } = await asked(url, "/health", {}, { ms: helloTime, bytes: largestHello });
  if (!isFields(health) || typeof health.version !== "string" || typeof health.authMode !== "string") {
    throw new OcpError("not_ready", `Something answers at ${url} (${status}), but it is not OCP.`);
  }
  const { version } = health;
  if (!isVersion(version))
    throw new OcpError("not_ready", `Something answers at ${url}, but its version is none of OCP.`);
  if (Bun.semver.order(version, oldestVersion) < 0) {
    throw new OcpError(
      "not_ready",
      `The server at ${url} is OCP ${version}, whose clients have no tools. Update it to 4.0.0 or newer first.`,
    );
  }
  return {
    url,
    version,
    authMode: health.authMode,
    anonymousKey: isKey(health.anonymousKey) ? health.anonymousKey : null,
    isWell: health.status === "ok",
  };
}

/** Tells whether a header can hold it, and so can the files of all clients. */
export function isKey(text: unknown): text is string {
  return typeof text === "string" && /^[\x21-\x7e]{1,500}$/.test(text);
}

/** Throws OcpError with a sentence when no answer came, or one that is too large. */
function asked(url: string, path: string, init: RequestInit, bounds: Bounds) {
  return askServer(`${url}${path}`, init, bounds).catch((cause) => {
    throw cause instanceof OcpError ? cause : new OcpError("not_ready", whyUnreachable(url, cause, bounds), { cause });
  });
}

function whyUnreachable(url: string, cause: unknown, { ms }: Bounds): string {
  const { name, code } = cause as { name?: string; code?: string };
  const { hostname } = new URL(url);
  if (name === "TimeoutError") {
    return `${url} does not answer within ${ms / 1000} s. Is that machine on, and in the same network? A firewall may keep you out.`;
  }
  if (code === "ConnectionRefused" || code === "ECONNREFUSED") {
    return `Nothing listens at ${url}. On the server, \`ocp lan\` says what to type; one that listens to its own machine alone wants \`ocp install --bind 0.0.0.0\`.`;
  }
  if (/NOTFOUND|DNS|getaddrinfo|FailedToOpenSocket/i.test(`${code}`)) {
    return `${hostname} cannot be reached: no such name, or no way to it. Try the server's IP address, which \`ocp lan\` says there.`;
  }
  return `${url} cannot be reached (${code ?? name ?? "unknown"}).`;
}

export interface Served {
  models: ServedModel[];
  main: ServedModel;
  small: ServedModel;
}

/** Null when the key is refused. `known`: sizes of models of which the server, of another version, does not say them. */
export async function servedModels(
  url: string,
  key: string | null,
  known: (id: string) => ServedModel | undefined,
): Promise<Served | null> {
  const get = async (path: string): Promise<unknown> => {
    const bounds = { ms: helloTime, bytes: largestList };
    const { status, ok, json } = await asked(url, path, { headers: headersOf(key) }, bounds);
    if (status === 401) return null;
    if (ok) return json;
    const said = valueAt(json, ["error", "message"]);
    throw new OcpError("not_ready", `The server refused its list of models (${status}): ${lineOf(said)}`);
  };
  const list = await get("/v1/models");
  if (list === null) return null;
  const data = valueAt(list, ["data"]);
  const listed = Array.isArray(data) ? data : [];
  if (listed.length > mostModels) {
    throw new OcpError(
      "not_ready",
      `The server at ${url} lists ${listed.length} models, and clients are given ${mostModels} at most. Nothing was written.`,
    );
  }
  const models = listed.flatMap((each) => served(each, known) ?? []);
  const [first] = models;
  if (first === undefined) throw new OcpError("not_ready", `The server at ${url} lists no models.`);
  const alias = async (name: string) => {
    const id = valueAt(await get(`/v1/models/${name}`).catch(() => null), ["id"]);
    return models.find((model) => model.id === id);
  };
  const main = (await alias("sonnet")) ?? first;
  return { models, main, small: (await alias("haiku")) ?? main };
}

function served(entry: unknown, known: (id: string) => ServedModel | undefined): ServedModel | null {
  if (!isFields(entry) || typeof entry.id !== "string" || !/^[\w.:@[\]/-]{1,200}$/.test(entry.id)) return null;
  const usual = known(entry.id);
  const count = (value: unknown, otherwise: number) =>
    typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : otherwise;
  const inputs = entry.input_modalities;
  return {
    id: entry.id,
    name: typeof entry.display_name === "string" ? lineOf(entry.display_name) : (usual?.name ?? entry.id),
    contextWindow: count(entry.context_window, usual?.contextWindow ?? 200_000),
    maxOutput: count(entry.max_output_tokens, usual?.maxOutput ?? 32_000),
    images: Array.isArray(inputs) ? inputs.includes("image") : (usual?.images ?? true),
    reasoning: typeof entry.reasoning === "boolean" ? entry.reasoning : (usual?.reasoning ?? true),
  };
}

/** What a server says, on one line that a terminal may show and a file may hold. */
function lineOf(said: unknown): string {
  return typeof said === "string" ? said.replace(/\p{C}+/gu, " ").slice(0, 300) : "it does not say why";
}

function headersOf(key: string | null): Record<string, string> {
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

const question = "Answer with the one word: ready";

const requests: Record<Dialect, { path: string; body: (model: string) => unknown }> = {
  chat: {
    path: "/v1/chat/completions",
    body: (model) => ({ model, max_tokens: 64, messages: [{ role: "user", content: question }] }),
  },
  responses: { path: "/v1/responses", body: (model) => ({ model, max_output_tokens: 64, input: question }) },
  messages: {
    path: "/v1/messages",
    body: (model) => ({ model, max_tokens: 64, messages: [{ role: "user", content: question }] }),
  },
};

/** `late`: the server took all the time that it had. */
export type Tried = { ok: true; ms: number } | { ok: false; why: string; late: boolean };

/** One real, small request, as the clients send it. `why` is a sentence. */
export async function ask(url: string, key: string | null, dialect: Dialect, model: string): Promise<Tried> {
  const { path, body } = requests[dialect];
  const begun = performance.now();
  const headers = { ...headersOf(key), "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body(model)) };
  try {
    const { status, ok, json } = await asked(url, path, init, { ms: answerTime, bytes: largestAnswer });
    if (ok && json !== undefined) return { ok: true, ms: performance.now() - begun };
    const said = ok ? "which is no JSON" : lineOf(valueAt(json, ["error", "message"]));
    return { ok: false, why: `${path}: ${status}, ${said}`, late: false };
  } catch (error) {
    const { message, cause } = error as Error;
    return { ok: false, why: message, late: (cause as Error | undefined)?.name === "TimeoutError" };
  }
}
