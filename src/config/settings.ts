/**
 * The table of settings: one row a setting, and all that is said or checked about it comes from here.
 * `Config`, the parsing, the command line's flags and help, and the README's table are derived.
 */

import type { Kind, ValueOf } from "./kinds.ts";
import { defaultMemoryMax, defaultRequestMemory, defaultSpares, type Machine } from "./memory.ts";

/** A default that depends on the machine or on what else is set; `text` says it to people. */
export interface Derived {
  from(machine: Machine, isSet: (env: string) => boolean): number | boolean | string;
  text: string;
}

export interface Setting {
  /** The field of `Config`. */
  name: string;
  env: string;
  /** The flag of `ocp serve`, without its dashes. Secrets have none: other users can read a command line. */
  flag: string | null;
  type: Kind;
  /** Undefined: unset unless the user sets it. */
  default: number | boolean | string | Derived | undefined;
  /** One sentence. */
  description: string;
  /** Absent: it holds from the start to the end of a server. */
  live?: Live;
}

/** How a setting may be changed while the server runs. */
export interface Live {
  /** What `/settings` and `ocp settings` call it, where that is not its name. */
  key?: string;
  /** Where a running server takes less than at its start. */
  min?: number;
  max?: number;
}

const MiB = 1024 * 1024;
const int = <const Min extends number, const Max extends number>(min: Min, max: Max, unit?: string) =>
  ({ kind: "int", min, max, ...(unit === undefined ? {} : { unit }) }) as const;

/** As a browser writes it: no path, no user name, no pattern. An app's own scheme is fine. */
const originPattern = /^[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i;
const hostPattern = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

export const settings = [
  {
    name: "port",
    env: "CLAUDE_PROXY_PORT",
    flag: "port",
    type: int(0, 65_535),
    default: 3456,
    description: "The port to listen on; 0 takes any free one.",
  },
  {
    name: "bind",
    env: "CLAUDE_BIND",
    flag: "bind",
    type: { kind: "string", pattern: /^[A-Za-z0-9.:_%-]{1,255}$/, form: "an IP address or a host name" },
    default: "127.0.0.1",
    description: "The address to listen on; 0.0.0.0 lets the whole network in.",
  },
  {
    name: "claudeBin",
    env: "CLAUDE_BIN",
    flag: "claude-bin",
    type: { kind: "path" },
    default: undefined,
    description: "The claude CLI to use, when it is not the one on the PATH.",
  },
  {
    name: "authMode",
    env: "CLAUDE_AUTH_MODE",
    flag: "auth-mode",
    type: { kind: "enum", values: ["none", "shared", "multi"] },
    default: {
      from: (_machine, isSet) => (isSet("PROXY_API_KEY") ? "shared" : "none"),
      text: "shared if PROXY_API_KEY is set, else none",
    },
    description:
      "Who may ask: anyone who reaches the port (none), who presents the shared key (shared), or only who presents a key of their own (multi).",
  },
  {
    name: "proxyApiKey",
    env: "PROXY_API_KEY",
    flag: null,
    type: { kind: "secret" },
    default: undefined,
    description: "The key that clients present in the auth mode shared.",
  },
  {
    name: "adminKey",
    env: "OCP_ADMIN_KEY",
    flag: null,
    type: { kind: "secret" },
    default: undefined,
    description: "The administrator's key, instead of the one that is made in ~/.ocp/admin-key at the first start.",
  },
  {
    name: "anonymousKey",
    env: "PROXY_ANONYMOUS_KEY",
    flag: null,
    type: { kind: "secret" },
    default: undefined,
    description: "A key for guests, who may ask and see nothing else; programs on this machine find it on /health.",
  },
  {
    name: "advertiseAnonymousKey",
    env: "PROXY_ADVERTISE_ANON_KEY",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description: "Shows the key for guests on /health to whoever reaches the port.",
  },
  {
    name: "metricsKey",
    env: "OCP_METRICS_KEY",
    flag: null,
    type: { kind: "secret" },
    default: undefined,
    description: "A key that opens /metrics and nothing else, for Prometheus.",
  },
  {
    name: "trustLoopback",
    env: "OCP_TRUST_LOOPBACK",
    flag: null,
    type: { kind: "bool" },
    default: true,
    description:
      "Lets programs on this machine in without a key; turn it off behind a proxy that adds no forwarding header.",
  },
  {
    name: "corsOrigins",
    env: "OCP_CORS_ORIGINS",
    flag: null,
    type: { kind: "list", item: originPattern, form: "origins separated by commas, such as https://chat.example.org" },
    default: undefined,
    description: "Web pages that may call this server from a browser, by origin; without any, only its own pages may.",
  },
  {
    name: "allowedHosts",
    env: "OCP_ALLOWED_HOSTS",
    flag: null,
    type: { kind: "list", item: hostPattern, form: "host names separated by commas, without ports" },
    default: undefined,
    description:
      "Names under which this server is called, besides localhost, its addresses and this machine's own names.",
  },
  {
    name: "oauthToken",
    env: "CLAUDE_CODE_OAUTH_TOKEN",
    flag: null,
    type: { kind: "secret" },
    default: undefined,
    description: "A login token for the claude CLI, as `claude setup-token` prints it, instead of its own login.",
  },
  {
    name: "systemPrompt",
    env: "CLAUDE_SYSTEM_PROMPT",
    flag: null,
    type: { kind: "text" },
    default: undefined,
    description: "A text that is added to the system prompt of every request.",
    live: {},
  },
  {
    name: "allowedTools",
    env: "CLAUDE_ALLOWED_TOOLS",
    flag: null,
    type: { kind: "list" },
    default: undefined,
    description: "Tools of this machine that the model may use without asking, such as Read,Grep; unset, it has none.",
  },
  {
    name: "mcpConfig",
    env: "CLAUDE_MCP_CONFIG",
    flag: null,
    type: { kind: "path" },
    default: undefined,
    description: "A file of MCP servers for the model, in the claude CLI's own format.",
  },
  {
    name: "skipPermissions",
    env: "CLAUDE_SKIP_PERMISSIONS",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description:
      "Lets the model use the tools of CLAUDE_ALLOWED_TOOLS and CLAUDE_MCP_CONFIG without any check (the CLI refuses that to root).",
  },
  {
    name: "hostToolsLan",
    env: "OCP_HOST_TOOLS_LAN",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description:
      "Allows tools of this machine although others can ask too: on the network, in the auth mode multi, or as guests. They get none.",
  },
  {
    name: "hostToolsKeys",
    env: "OCP_HOST_TOOLS_KEYS",
    flag: null,
    type: { kind: "list", item: /^[A-Za-z0-9 ._-]{1,64}$/, form: "names of keys separated by commas" },
    default: undefined,
    description:
      "Keys, by their names, that may use tools of this machine beside the admin and programs on it; PROXY_API_KEY stands for the shared one.",
  },
  {
    name: "timeout",
    env: "CLAUDE_TIMEOUT",
    flag: "timeout",
    type: int(1_000, 1_800_000, "ms"),
    default: 600_000,
    description: "How long an answer may take before it is ended with an error.",
    live: { min: 30_000 },
  },
  {
    name: "maxConcurrent",
    env: "CLAUDE_MAX_CONCURRENT",
    flag: "max-concurrent",
    type: int(1, 256),
    default: 8,
    description:
      "How many requests are answered at the same time; one caller gets all but one of these places, so that the last is free for another.",
    live: { max: 32 },
  },
  {
    name: "maxQueue",
    env: "CLAUDE_MAX_QUEUE",
    flag: "max-queue",
    type: int(0, 10_000),
    default: 16,
    description: "How many more requests may wait before others are refused.",
    live: {},
  },
  {
    name: "queueRetryAfter",
    env: "CLAUDE_QUEUE_RETRY_AFTER",
    flag: null,
    type: int(1, 3_600, "s"),
    default: 5,
    description: "When a refused client is told to try again.",
    live: {},
  },
  {
    name: "maxPromptChars",
    env: "CLAUDE_MAX_PROMPT_CHARS",
    flag: null,
    type: int(1_000, 100_000_000, "characters"),
    default: undefined,
    description: "Drops the oldest messages of longer prompts; when unset, a prompt that does not fit is refused.",
    live: { min: 10_000, max: 1_000_000 },
  },
  {
    name: "maxBodySize",
    env: "CLAUDE_MAX_BODY_SIZE",
    flag: null,
    type: int(1_024, 1_024 * MiB, "bytes"),
    default: 32 * MiB,
    description: "The largest request body.",
    live: {},
  },
  {
    name: "imageAllowUrl",
    env: "CLAUDE_IMAGE_ALLOW_URL",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description: "Lets requests name images by http or https URL, which the model's side then fetches.",
    live: {},
  },
  {
    name: "maxImageBytes",
    env: "CLAUDE_MAX_IMAGE_BYTES",
    flag: null,
    type: int(1, 1_024 * MiB, "bytes"),
    default: 5 * MiB,
    description: "The largest image, decoded.",
    live: {},
  },
  {
    name: "maxImages",
    env: "CLAUDE_MAX_IMAGES",
    flag: null,
    type: int(0, 1_000),
    default: 20,
    description: "How many images a request may hold.",
    live: {},
  },
  {
    name: "maxImageTotalBytes",
    env: "CLAUDE_MAX_IMAGE_TOTAL_BYTES",
    flag: null,
    type: int(1, 1_024 * MiB, "bytes"),
    default: 20 * MiB,
    description: "The size of all images of a request together, decoded.",
    live: {},
  },
  {
    name: "heartbeatInterval",
    env: "CLAUDE_HEARTBEAT_INTERVAL",
    flag: null,
    type: int(0, 600_000, "ms"),
    default: 15_000,
    description: "After how much silence a stream gets a comment that keeps it open; 0 turns that off.",
    live: {},
  },
  {
    name: "repeatLimit",
    env: "OCP_REPEAT_LIMIT",
    flag: null,
    type: int(0, 1_000),
    default: 8,
    description:
      "How often a client may repeat an identical request right after each answer before it is slowed, and at twice that refused; 0 turns that off.",
    live: {},
  },
  {
    name: "cacheTtl",
    env: "CLAUDE_CACHE_TTL",
    flag: null,
    type: int(0, 86_400_000, "ms"),
    default: 0,
    description: "How long an answer is kept for whoever asks the same again; 0 keeps none.",
    live: { key: "cacheTTL" },
  },
  {
    name: "cacheMaxBytes",
    env: "OCP_CACHE_MAX_BYTES",
    flag: null,
    type: int(0, 1_024 * 1_024 * MiB, "bytes"),
    default: 64 * MiB,
    description: "The size of all kept answers together; those that nobody has asked for the longest go first.",
    live: {},
  },
  {
    name: "memoryMax",
    env: "OCP_MEMORY_MAX",
    flag: "memory-max",
    type: int(64 * MiB, Number.MAX_SAFE_INTEGER, "bytes"),
    default: { from: defaultMemoryMax, text: "60 % of the memory of the machine or of its control group" },
    description: "The memory that all claude processes together may use before requests wait.",
    live: {},
  },
  {
    name: "requestMemory",
    env: "OCP_REQUEST_MEMORY",
    flag: null,
    type: int(16 * MiB, Number.MAX_SAFE_INTEGER, "bytes"),
    default: {
      from: defaultRequestMemory,
      text: "an eighth of the memory of the machine or of its control group, 256 MiB at least and 1 GiB at most",
    },
    description:
      "The memory that requests may take from their first byte to the end of their answers, four bytes for each that is sent; one caller may take half of it.",
    live: {},
  },
  {
    name: "spares",
    env: "OCP_SPARES",
    flag: "spares",
    type: int(0, 16),
    default: { from: defaultSpares, text: "by memory: 0 under 1 GB, 1 under 4 GB, else 2" },
    description: "How many claude processes are kept booted for new conversations.",
    live: {},
  },
  {
    name: "liveMax",
    env: "OCP_LIVE_MAX",
    flag: "live-max",
    type: int(0, 256),
    default: 16,
    description: "How many conversations keep their process between two messages.",
    live: {},
  },
  {
    name: "sessionTtl",
    env: "CLAUDE_SESSION_TTL",
    flag: null,
    type: int(1_000, 86_400_000, "ms"),
    default: 3_600_000,
    description: "How long a conversation keeps its process without a message.",
    live: {},
  },
  {
    name: "sessionMaxBytes",
    env: "OCP_SESSION_MAX_BYTES",
    flag: null,
    type: int(0, 16 * 1_024 * MiB, "bytes"),
    default: 64 * MiB,
    description:
      "The memory for answers, with the thinking that clients do not send back, of conversations that may come back; those of whoever has most go first.",
    live: {},
  },
  {
    name: "sessionKeep",
    env: "OCP_SESSION_KEEP",
    flag: null,
    type: int(0, 720, "hours"),
    default: 0,
    description:
      "How long such answers are also kept on disk, in ~/.ocp/sessions.db, so that conversations survive a restart; 0 writes none and deletes the file.",
    live: {},
  },
  {
    name: "usageDays",
    env: "OCP_USAGE_DAYS",
    flag: null,
    type: int(1, 3_650, "days"),
    default: 90,
    description: "How long single requests stay in the usage; their sums by the hour stay for two years at least.",
    live: {},
  },
  {
    name: "logLevel",
    env: "OCP_LOG_LEVEL",
    flag: "log-level",
    type: { kind: "enum", values: ["error", "warn", "info"] },
    default: "info",
    description: "What is logged: errors alone, warnings too, or everything.",
    live: {},
  },
  {
    name: "logMaxBytes",
    env: "OCP_LOG_MAX_BYTES",
    flag: null,
    type: int(0, 1_024 * MiB, "bytes"),
    default: 5 * MiB,
    description: "The size at which a new log file is begun; 0 keeps the log on stderr alone.",
    live: {},
  },
  {
    name: "logKeep",
    env: "OCP_LOG_KEEP",
    flag: null,
    type: int(0, 1_000),
    default: 4,
    description: "How many older log files are kept.",
    live: {},
  },
  {
    name: "spawnRealHome",
    env: "OCP_SPAWN_REAL_HOME",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description: "Runs the claude CLI in your own home directory instead of an empty one.",
  },
  {
    name: "tuiMode",
    env: "CLAUDE_TUI_MODE",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description: "Answers through the interactive claude CLI in a terminal, for one person: see Interactive mode.",
  },
  {
    name: "tuiWallclock",
    env: "CLAUDE_TUI_WALLCLOCK_MS",
    flag: null,
    type: int(1_000, 1_800_000, "ms"),
    default: 120_000,
    description: "How long an answer may take in the interactive mode, instead of CLAUDE_TIMEOUT.",
  },
  {
    name: "tuiMaxConcurrent",
    env: "OCP_TUI_MAX_CONCURRENT",
    flag: null,
    type: int(1, 32),
    default: 3,
    description:
      "How many requests the interactive mode answers at the same time, all but one of them of one caller, instead of CLAUDE_MAX_CONCURRENT.",
  },
  {
    name: "tuiPoolSize",
    env: "OCP_TUI_POOL_SIZE",
    flag: null,
    type: int(0, 32),
    default: 0,
    description: "How many interactive sessions are kept booted for new conversations like the last one.",
  },
  {
    name: "tuiHome",
    env: "OCP_TUI_HOME",
    flag: null,
    type: { kind: "path" },
    default: undefined,
    description: "The home directory of interactive sessions, with a login of its own, instead of an empty one.",
  },
  {
    name: "tuiCwd",
    env: "OCP_TUI_CWD",
    flag: null,
    type: { kind: "path" },
    default: undefined,
    description: "The working directory of interactive sessions, which the CLI trusts; unset, an empty one.",
  },
  {
    name: "tuiEntrypoint",
    env: "OCP_TUI_ENTRYPOINT",
    flag: null,
    type: { kind: "enum", values: ["auto", "cli", "off"] },
    default: "auto",
    description:
      "Who says what kind of session an interactive one is: the CLI by itself (auto), a variable that says cli (cli), or the server's own environment, unwatched (off).",
  },
  {
    name: "tuiEffort",
    env: "OCP_TUI_EFFORT",
    flag: null,
    type: { kind: "enum", values: ["low", "medium", "high", "xhigh", "max", "inherit"] },
    default: "low",
    description:
      "How hard the model thinks in the interactive mode where a request does not say it; inherit leaves it to the CLI.",
  },
  {
    name: "tuiFullTools",
    env: "OCP_TUI_FULL_TOOLS",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description: "Lets the interactive mode use CLAUDE_ALLOWED_TOOLS and CLAUDE_MCP_CONFIG.",
  },
  {
    name: "tuiAllowLan",
    env: "OCP_TUI_ALLOW_LAN",
    flag: null,
    type: { kind: "bool" },
    default: false,
    description: "Allows the interactive mode on another address than loopback, for the owner's own devices.",
  },
  {
    name: "instanceName",
    env: "OCP_INSTANCE_NAME",
    flag: "instance-name",
    type: { kind: "string", pattern: /^[^\p{Cc}]{1,64}$/u, form: "1 to 64 characters on one line" },
    default: undefined,
    description: "A name for this server, which /health shows.",
    live: {},
  },
  {
    name: "upstreamUrl",
    env: "OCP_UPSTREAM_URL",
    flag: "upstream-url",
    type: { kind: "url" },
    default: undefined,
    description: "The API that the claude CLI talks to instead of Anthropic's, for gateways and tests.",
  },
] as const satisfies readonly Setting[];

type Row = (typeof settings)[number];
type Field<R extends Row> = R["default"] extends undefined ? ValueOf<R["type"]> | undefined : ValueOf<R["type"]>;

/** All settings, checked. Optional ones that nobody set are undefined. */
export type Config = { readonly [R in Row as R["name"]]: Field<R> };

/** A setting's default as people read it, with its unit; "unset" when there is none. */
export function defaultText(setting: Setting): string {
  if (setting.default === undefined) return "unset";
  if (typeof setting.default === "object") return setting.default.text;
  const unit = setting.type.kind === "int" ? setting.type.unit : undefined;
  return unit === undefined ? String(setting.default) : `${setting.default} ${unit}`;
}
