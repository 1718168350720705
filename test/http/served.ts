/** The HTTP application over an engine that a test scripts, and the log that it wrote. */

import models from "../../models.json";
import { createLiveSettings } from "../../src/config/live.ts";
import { loadSettings } from "../../src/config/load.ts";
import type { Config } from "../../src/config/settings.ts";
import { createAdmission } from "../../src/core/admission.ts";
import { createCatalog } from "../../src/core/catalog.ts";
import type { Conversation } from "../../src/core/conversation.ts";
import { createJournal } from "../../src/core/journal.ts";
import type { LogReader } from "../../src/core/logs.ts";
import { type PlanStatus, unknownPlan } from "../../src/core/plan.ts";
import type { Engine, EngineStatus, Log, TurnContext } from "../../src/core/ports.ts";
import { createSeldom } from "../../src/core/seldom.ts";
import type { CacheStore } from "../../src/core/store.ts";
import { noUsage, type TurnEvent } from "../../src/core/turn.ts";
import { type AppServices, createApp } from "../../src/server/app.ts";
import { type Listener, listen } from "../../src/server/listen.ts";
import { openStore } from "../../src/store/open.ts";

export type Script = (conversation: Conversation, context: TurnContext) => AsyncGenerator<TurnEvent, void, void>;

export interface LogLine {
  level: "info" | "warn" | "error";
  message: string;
  fields: Record<string, unknown>;
}

export interface ServedOptions {
  env?: Record<string, string>;
  /** Over what `env` gives; reaches values that the settings refuse for users. */
  config?: Partial<Config>;
  script?: Script;
  status?: Partial<EngineStatus>;
  hasRoom?: () => boolean;
  plan?: () => PlanStatus;
  sessions?: Engine["sessions"];
  clearSessions?: Engine["clearSessions"];
  cache?: CacheStore;
  /** Epoch ms. */
  clock?: () => number;
  logs?: LogReader;
}

export const adminKey = "ocp_admin_of-the-tests";

/** What the clock shows, in ms. */
export const epoch = Date.UTC(2026, 0, 2, 3, 4, 5);

export function serve({ env = {}, config: changed = {}, script = says("Hello"), ...options }: ServedOptions = {}) {
  const loaded = loadSettings(env, {}, { memory: 2 ** 33 });
  const config: Config = Object.assign(loaded.config, changed);
  const lines: LogLine[] = [];
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, message, fields });
    };
  const log: Log = { info: write("info"), warn: write("warn"), error: write("error") };
  const status: EngineStatus = { ...healthy, ...options.status };
  const engine: Engine = {
    run: script,
    hasRoom: options.hasRoom ?? (() => true),
    bringsProcess: () => false,
    status: async () => status,
    plan: async () => options.plan?.() ?? unknownPlan,
    sessions: options.sessions ?? (() => []),
    clearSessions: options.clearSessions ?? (() => ({ ended: 0, forgotten: 0 })),
    reconsider: () => {},
    close: async () => {},
  };
  const { maxConcurrent, maxQueue, queueRetryAfter: retryAfter } = config;
  const admission = createAdmission({ maxConcurrent, maxQueue, retryAfter, hasRoom: engine.hasRoom });
  let passed = 0;
  const clock = options.clock ?? (() => epoch + passed);
  const store = openStore({ directory: null, now: clock, log });
  /** The usage, oldest first. */
  const rows = () =>
    store.usage.recent({ since: 0, until: Number.MAX_SAFE_INTEGER, principalId: null }, 10_000).reverse();
  const settings = createLiveSettings(loaded, store.settings, log);
  const closing = new AbortController();
  const catalog = createCatalog(models);
  let ids = 0;
  const services: AppServices = {
    config,
    settings,
    engine,
    catalog,
    admission,
    store: options.cache ? { ...store, cache: options.cache } : store,
    journal: createJournal({
      usage: store.usage,
      warn: createSeldom(log, clock),
      clock,
      modelName: catalog.nameOf,
    }),
    adminKey,
    log,
    logs: options.logs ?? { tail: async () => [], async *follow() {} },
    closing: closing.signal,
    version: "1.2.3",
    releaseUrl: null,
    doctor: async () => ({ schema_version: "1", ok: true, checks: [] }),
    demo: false,
    clock,
    hostname: () => "Box.example.org",
    interfaces: () => ({}),
    newId: (prefix) => `${prefix}id${++ids}`,
  };
  const app = createApp(services);
  return {
    app,
    /** Read at each use, so a test may change what may change while a server runs. */
    config: config as { -readonly [Name in keyof Config]: Config[Name] },
    services,
    admission,
    store,
    rows,
    settings,
    lines,
    /** Lets the clock go on. */
    pass(ms: number) {
      passed += ms;
    },
    /** Resolves when so many turns have ended. */
    async ended(count: number): Promise<void> {
      while (rows().length < count) await Bun.sleep(1);
    },
    /** The lines that stand for ended requests. */
    requests: () => lines.filter((line) => line.message === "request").map((line) => line.fields),
    /** Without a socket. */
    send: (path: string, init?: RequestInit): Promise<Response> =>
      app.handle(new Request(`http://localhost${path}`, init)),
    chat: (body: object, init: RequestInit = {}): Promise<Response> =>
      app.handle(
        new Request("http://localhost/v1/chat/completions", { method: "POST", body: JSON.stringify(body), ...init }),
      ),
    /** With one, on a free port of this machine. */
    listen(): Listener & AsyncDisposable {
      const listener = listen(app, { port: 0, bind: "127.0.0.1", admission });
      const stop = (graceMs: number) => {
        closing.abort();
        return listener.stop(graceMs);
      };
      return { ...listener, stop, [Symbol.asyncDispose]: () => stop(0) };
    },
  };
}

export const healthy: EngineStatus = {
  simulated: false,
  cli: { path: "/opt/claude", version: "2.1.330", problem: null },
  login: { state: "ok", source: "file", expiresAt: null, problem: null },
  spawn: { mode: "isolated-scratch-home", isolated: true, home: "/srv/spawn-home", reason: "default" },
  processes: { running: 0, parked: 0, live: 0, spare: 0 },
  memory: { limit: 2 ** 32, estimate: 0 },
  terminal: null,
};

export const hello = { messages: [{ role: "user", content: "hi" }] };
export const helloStream = { ...hello, stream: true };

export const start: TurnEvent = {
  type: "start",
  model: "claude-sonnet-5-5",
  usage: noUsage,
  path: "new",
  reason: "new",
  ignored: [],
};
export const blockStart: TurnEvent = { type: "block_start", index: 0, block: { type: "text" } };
export const text = (piece: string): TurnEvent => ({ type: "delta", index: 0, delta: { type: "text", text: piece } });
export const ending: TurnEvent[] = [
  { type: "block_stop", index: 0 },
  { type: "end", stop: "end_turn", stopSequence: null, usage: { ...noUsage, input: 3, output: 2 } },
];

/** An answer in these pieces, all at once. */
export function says(...pieces: string[]): Script {
  return async function* () {
    yield start;
    yield blockStart;
    for (const piece of pieces) yield text(piece);
    yield* ending;
  };
}

/** Fails before anything was answered. */
export function fails(error: unknown): Script {
  // biome-ignore lint/correctness/useYield: it throws where a turn would yield.
  return async function* () {
    throw error;
  };
}

/** Answers nothing until the signal aborts, and then throws its reason, as the engine does. */
export function hangs(seen: { started?: () => void; aborted?: () => void; returned?: () => void } = {}): Script {
  return async function* (_conversation, { signal }) {
    try {
      seen.started?.();
      yield start;
      yield blockStart;
      await aborted(signal);
      seen.aborted?.();
      throw signal.reason;
    } finally {
      seen.returned?.();
    }
  };
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

export async function errorOf(response: Response): Promise<ErrorBody["error"]> {
  return ((await response.json()) as ErrorBody).error;
}

/** The content that the frames of a chat stream add up to. */
export function contentOf(stream: string): string {
  return [...stream.matchAll(/^data: (\{.*)$/gm)]
    .map((match) => JSON.parse(match[1]!).choices?.[0]?.delta?.content ?? "")
    .join("");
}
