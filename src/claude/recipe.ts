/** The command line and environment of a `claude` process. Nothing of a conversation is on either: `ps` shows both. */

import type { HostTools } from "../core/host-tools.ts";
import { hostToolFlags } from "./host-tools.ts";

/** The names under which our MCP server is known to a process; it takes the other one when its tools change. */
export const bridgeServers = ["c", "d"] as const;

/** What the CLI logs in with, and where it may look for more. */
export type Identity =
  /** The scratch home, which holds no credential; the token goes by environment. */
  | { kind: "isolated"; home: string; token: string }
  /** The owner's own home: the CLI finds, and if need be refreshes, its login by itself. */
  | { kind: "real-home"; home: string };

export interface Recipe {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
}

export interface RecipeOptions {
  /** Absolute path of the CLI. */
  bin: string;
  model: string;
  identity: Identity;
  /** An empty directory of ours. It is the working directory, since the CLI tells the model where it runs. */
  scratch: string;
  /** Where the process may put temporary files. */
  temporary: string;
  /** Null: the process gets none of this host's tools. */
  hostTools: HostTools | null;
  /** The session file that it resumes; absent: it begins without a history. */
  file?: string | undefined;
  /** It keeps its own session file. */
  recorded?: boolean | undefined;
  /** The API that the CLI talks to; absent: Anthropic's own. */
  upstreamUrl?: string | undefined;
  /** The server's own environment, of which only what is listed below goes on. */
  environment: Record<string, string | undefined>;
}

/** What a program needs to run and to reach the network from here. An allow-list: secrets of the proxy never pass. */
const inherited = [
  "PATH",
  "USER",
  "LOGNAME",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
];

/** Each switch is a measured need; the contract tests in test/claude/contract name them one by one. */
const switches = {
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  // 2.1.330 otherwise fetches the marketplace of plugins from another host in its first session.
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
  // `@/etc/passwd` in a prompt would otherwise be read from this host.
  CLAUDE_CODE_DISABLE_ATTACHMENTS: "1",
  CLAUDE_CODE_DISABLE_CLAUDE_MDS: "1",
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  CLAUDE_AGENT_SDK_MCP_NO_PREFIX: "1",
  ENABLE_TOOL_SEARCH: "false",
  CLAUDE_CODE_MAX_TOOL_USE_CONCURRENCY: "100",
  CLAUDE_AUTO_BACKGROUND_TASKS: "0",
  // Together they keep the CLI from summarising or refusing a long conversation by itself.
  DISABLE_COMPACT: "1",
  CLAUDE_CODE_MAX_CONTEXT_TOKENS: "100000000",
  CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH: "100000",
  // One error, no second text: an answer is one upstream message.
  CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: "1",
  CLAUDE_CODE_MAX_RETRIES: "2",
  // A refusal is an answer: 2.1.330 otherwise asks once more.
  CLAUDE_CODE_DISABLE_REFUSAL_RETRY: "1",
};

/**
 * A client's tool of this name is not the CLI's own: without these the CLI tells the model how to sign git commits
 * (`Bash`; 2.1.330) and which subagents there are (`Agent`; 2.1.197 too).
 */
const withoutOwnTools = {
  CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS: "1",
  CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS: "1",
};

const flags = [
  "-p",
  "--input-format",
  "stream-json",
  "--output-format",
  "stream-json",
  "--verbose",
  "--include-partial-messages",
  "--setting-sources",
  "",
  "--strict-mcp-config",
  "--disable-slash-commands",
];

const withoutHostTools = [
  // An allow-list that is empty: tools of later versions stay out too.
  "--tools",
  "",
  // The client's tools, which the client itself runs: the CLI asks nobody before it hands a call on.
  "--allowedTools",
  ...bridgeServers.map((name) => `mcp__${name}`),
];

/** What every process of the CLI has in its environment: of the server's own only what is listed, and our switches. */
export function baseEnvironment(
  options: Omit<RecipeOptions, "bin" | "model" | "file" | "recorded">,
): Record<string, string> {
  const { identity, scratch, temporary, hostTools, upstreamUrl, environment } = options;
  const env: Record<string, string> = {};
  for (const name of inherited) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  Object.assign(env, switches, hostTools === null ? withoutOwnTools : {}, {
    HOME: identity.home,
    // A killed CLI leaves its socket and its temporary files behind: here they can be swept up (scratch.ts).
    XDG_RUNTIME_DIR: scratch,
    CLAUDE_CODE_TMPDIR: temporary,
  });
  if (upstreamUrl !== undefined) {
    env.ANTHROPIC_BASE_URL = upstreamUrl;
    const { hostname } = new URL(upstreamUrl);
    if (/^(127\..*|localhost|\[::1\])$/.test(hostname)) bypassProxy(env, hostname);
  }
  if (identity.kind === "isolated") {
    env.CLAUDE_CODE_OAUTH_TOKEN = identity.token;
  } else if (environment.CLAUDE_CONFIG_DIR !== undefined) {
    env.CLAUDE_CONFIG_DIR = environment.CLAUDE_CONFIG_DIR;
  }
  // A CLI whose host is gone takes the client's tools for failed and asks the model again and again, at the user's cost
  // (2.1.197, 2.1.330). Bun, with which it is built, ends it together with us (its `run.noOrphans`). Not where it may
  // be storing the owner's new login, nor where the host's programs would inherit the variable.
  if (identity.kind === "isolated" && hostTools === null) env.BUN_FEATURE_FLAG_NO_ORPHANS = "1";
  return env;
}

/** The CLI would send even loopback requests through a proxy. */
export function bypassProxy(env: Record<string, string>, hostname: string): void {
  for (const name of ["NO_PROXY", "no_proxy"]) env[name] = env[name] ? `${env[name]},${hostname}` : hostname;
}

export function recipe(options: RecipeOptions): Recipe {
  const { bin, model, scratch, hostTools, file, recorded } = options;
  const tools = hostTools ? hostToolFlags(hostTools) : withoutHostTools;
  const resume = file === undefined ? [] : ["--resume", file];
  const persistence = recorded ? [] : ["--no-session-persistence"];
  return {
    argv: [bin, ...flags, ...persistence, ...tools, ...resume, "--model", model],
    env: baseEnvironment(options),
    cwd: scratch,
  };
}
