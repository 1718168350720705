/**
 * The chat command /ocp of OpenClaw's gateway, for its owner. It asks the OCP server of this machine, or that of
 * OCP_PROXY_URL, with the administrator's key. The key in `~/.ocp/admin-key` goes to the server of this machine alone.
 * It stands alone: the gateway loads this file, without the rest of OCP.
 */

import { readFileSync, statSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";

const patienceMs = 15_000;
/** Bytes of an answer, and characters of what is said of it in the chat. */
const largestAnswer = 4 * 1024 * 1024;
const longestText = 8_000;
const usage = "/ocp status | usage | models | health | keys | keys add NAME | keys revoke NAME";

// biome-ignore lint/style/noDefaultExport: it is what the gateway loads.
export default {
  id: "ocp",
  name: "OCP",
  description: "The Open Claude Proxy from a chat.",
  /** @param {any} api */
  register(api) {
    api.registerCommand({
      name: "ocp",
      description: `The Open Claude Proxy: ${usage}`,
      acceptsArgs: true,
      requireAuth: true,
      // What it shows and does is the administrator's.
      requiredScopes: ["operator.admin"],
      /** @param {{ args?: string }} context */
      handler: async ({ args = "" }) => ({ text: await answer(args, api.pluginConfig ?? {}, process.env) }),
    });
  },
};

/**
 * What is said to `/ocp <words>`.
 * @param {string} words
 * @param {{ url?: string, key?: string }} config
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<string>}
 */
export async function answer(words, config, env) {
  const [command = "status", action = "", ...rest] = words.trim().split(/\s+/).filter(Boolean);
  try {
    const ask = asker(config, env);
    if (command === "keys" && action !== "") return await keys(ask, action.toLowerCase(), rest);
    const page = Object.hasOwn(pages, command.toLowerCase()) ? pages[command.toLowerCase()] : undefined;
    if (page === undefined || action !== "") return `OCP: ${usage}`;
    return await page(ask);
  } catch (error) {
    return `OCP: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** @typedef {(method: string, path: string, body?: unknown) => Promise<any>} Ask */

/** @type {Record<string, (ask: Ask) => Promise<string>>} */
const pages = {
  async status(ask) {
    const { proxy = {}, requests = {}, plan, recentErrors = [] } = await ask("GET", "/status");
    return lines([
      `OCP ${word(proxy.version)}: ${word(proxy.status)}, up ${word(proxy.uptime)}, login ${word(proxy.auth)}`,
      `Requests: ${word(requests.total)}, active ${word(requests.active)}, errors ${word(requests.errors)}`,
      ...planLines(plan),
      ...recentErrors.slice(0, 3).map((/** @type {any} */ each) => `Error: ${word(each?.time)} ${word(each?.message)}`),
    ]);
  },
  async usage(ask) {
    const { plan, models = {} } = await ask("GET", "/usage");
    const rows = Object.entries(models).map(
      ([id, each]) => `${word(id)}: ${word(/** @type {any} */ (each)?.requests)} requests`,
    );
    return lines([...planLines(plan), ...rows]);
  },
  async models(ask) {
    const { data = [] } = await ask("GET", "/v1/models");
    return lines(data.map((/** @type {any} */ each) => word(each?.id)));
  },
  async health(ask) {
    const { status, version, advice = [] } = await ask("GET", "/health");
    return lines([`OCP ${word(version)}: ${word(status)}`, ...advice.map(word)]);
  },
  async keys(ask) {
    const { keys: all = [] } = await ask("GET", "/api/keys");
    const rows = all.map((/** @type {any} */ each) => {
      const state = each?.revoked === true ? "revoked" : `${word(each?.used?.daily?.requests)} requests today`;
      return `${word(each?.id)}  ${word(each?.name)}  ${word(each?.keyPreview)}  ${state}`;
    });
    return rows.length === 0 ? "There is no key. /ocp keys add NAME" : lines(rows);
  },
};

/**
 * @param {Ask} ask
 * @param {string} action
 * @param {string[]} rest
 */
async function keys(ask, action, rest) {
  const name = rest.join(" ");
  if (name === "" || (action !== "add" && action !== "revoke")) return `OCP: ${usage}`;
  if (action === "revoke") {
    await ask("DELETE", `/api/keys/${encodeURIComponent(name)}`);
    return `The key ${name} is revoked.`;
  }
  const { key } = await ask("POST", "/api/keys", { name });
  return lines([`The key ${name} was created. It is shown this once: keep it, and delete this message.`, word(key)]);
}

/** @param {any} plan */
function planLines(plan) {
  const window = (/** @type {string} */ name, /** @type {any} */ value) => {
    if (!value || value.percent === undefined || value.percent === "unknown") return [];
    return [`${name}: ${word(value.percent)}${value.resetsAt ? `, resets in ${word(value.resetsIn)}` : ""}`];
  };
  const rows = [...window("Session", plan?.currentSession), ...window("Week", plan?.weeklyLimits?.allModels)];
  return rows.length === 0 ? ["The plan: nothing is known of it yet."] : rows;
}

/** @param {string} url */
function withoutSlashes(url) {
  let end = url.length;
  while (url[end - 1] === "/") end--;
  return url.slice(0, end);
}

/**
 * @param {{ url?: string, key?: string }} config
 * @param {Record<string, string | undefined>} env
 * @returns {Ask}
 */
function asker(config, env) {
  const own = ownUrl(env);
  const base = withoutSlashes(config.url || env.OCP_PROXY_URL || own);
  const root = withoutSlashes(base.endsWith("/v1") ? base.slice(0, -"/v1".length) : base);
  const url = root.replace(/^http:\/\/localhost(?=:|\/|$)/, "http://127.0.0.1");
  const named = config.key || env.OCP_ADMIN_KEY || "";
  const kept = named === "" ? adminKey(env) : "";
  const isOwn = URL.canParse(url) && new URL(url).origin === own;
  const stranger = isOwn && kept !== "" ? strangerAt(Number(new URL(url).port || 80), env) : undefined;
  const key = named || (isOwn && stranger === undefined ? kept : "");
  return async (method, path, body) => {
    const { status, text } = await request(`${url}${path}`, method, key, body).catch((error) => {
      if (error === tooLarge) throw new Error(`What answers at ${url} sends more than any answer of OCP.`);
      throw new Error(`The server at ${url} does not answer. OCP_PROXY_URL or CLAUDE_PROXY_PORT say where it is.`);
    });
    const answer = jsonOf(text);
    if (status >= 200 && status < 300 && typeof answer === "object" && answer !== null) return answer;
    const said = answer?.error?.message;
    if (status === 401 || status === 403) {
      const unsent = ` The one in ~/.ocp/admin-key was not sent to ${url}`;
      const why =
        stranger !== undefined
          ? `${unsent}: a process of user ${stranger} listens there, who may not read it.`
          : kept === "" || isOwn
            ? ""
            : `${unsent}: it is for ${own}.`;
      throw new Error(
        `The server wants its admin key: set OCP_ADMIN_KEY where the gateway runs, or \`key\` in this plugin's configuration.${why}`,
      );
    }
    throw new Error(typeof said === "string" ? word(said) : `What answers at ${url} is not OCP (${status}).`);
  };
}

const tooLarge = new Error("The answer is too large.");

/**
 * Neither follows redirects nor uses a proxy of the environment, which would get the key. Head and body have
 * `patienceMs` together.
 * @param {string} url
 * @param {string} method
 * @param {string} key
 * @param {unknown} body
 * @returns {Promise<{ status: number, text: string }>}
 */
function request(url, method, key, body) {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(json ? { "content-type": "application/json", "content-length": Buffer.byteLength(json) } : {}),
    };
    const { request: open } = url.startsWith("https:") ? https : http;
    const sent = open(url, { method, headers, agent: false }, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      let size = 0;
      response.on("data", (/** @type {Buffer} */ chunk) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > largestAnswer) stop(tooLarge);
      });
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
      });
      response.on("error", stop);
    });
    const stop = (/** @type {Error} */ why) => {
      clearTimeout(timer);
      reject(why);
      sent.destroy();
    };
    const timer = setTimeout(() => stop(new Error("It takes too long.")), patienceMs);
    sent.on("error", stop);
    sent.end(json);
  });
}

/** @param {string} text */
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The address of this machine's server: as the environment says, otherwise as `ocp install` keeps it. */
function ownUrl(/** @type {Record<string, string | undefined>} */ env) {
  const service = textOf(env, "service.env");
  const port = env.CLAUDE_PROXY_PORT || /^CLAUDE_PROXY_PORT=["']?(\d{1,5})["']?\s*$/m.exec(service)?.[1] || "3456";
  return `http://127.0.0.1:${port}`;
}

/**
 * The user who may not read the key and whose process listens at 127.0.0.1, as far as Linux says; else undefined. The
 * tables are described where the commands read them, in src/config/listener.ts.
 * @param {number} port
 * @param {Record<string, string | undefined>} env
 */
function strangerAt(port, env) {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const sockets = ["tcp", "tcp6"].flatMap((name) =>
    read(`/proc/net/${name}`)
      .split("\n")
      .map((line) => line.trim().split(/ +/))
      .filter(([, place, , state]) => state === "0A" && place?.endsWith(end)),
  );
  const places = ["0100007F", "0000000000000000FFFF00000100007F", "00000000", "0".repeat(32)];
  const nearest = places.find((place) => sockets.some(([, each]) => each === `${place}${end}`));
  const uids = sockets.filter(([, place]) => place === `${nearest}${end}`).map((fields) => Number(fields[7]));
  const isWhole = read("/proc/self/uid_map").trim().endsWith(" 4294967295");
  const owner = statSync(fileOf(env, "admin-key"), { throwIfNoEntry: false })?.uid;
  return uids.find((uid) => ![0, owner, process.getuid?.()].includes(uid) && (isWhole || uid !== 65_534));
}

/** The one that the server made at its first start, if it is this user's. */
function adminKey(/** @type {Record<string, string | undefined>} */ env) {
  return textOf(env, "admin-key").trim();
}

/** A file of OCP's; empty when it cannot be read. */
function textOf(/** @type {Record<string, string | undefined>} */ env, /** @type {string} */ name) {
  return read(fileOf(env, name));
}

function fileOf(/** @type {Record<string, string | undefined>} */ env, /** @type {string} */ name) {
  return join(env.HOME || homedir(), ".ocp", name);
}

function read(/** @type {string} */ path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What a server said, as one line of a chat. */
function word(/** @type {unknown} */ value) {
  return value === undefined || value === null
    ? "-"
    : String(value)
        .replace(/[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/gu, " ")
        .slice(0, 300);
}

/** @param {string[]} all */
function lines(all) {
  const text = all.join("\n");
  return text.length <= longestText ? text : `${text.slice(0, longestText)}\n... and more: ask \`ocp\` in a terminal.`;
}
