/** Composition: the one place that wires the parts together and starts them. */

import { existsSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import modelsFile from "../models.json";
import { createEngine } from "./claude/engine.ts";
import { createKeptAnswers } from "./claude/kept-answers.ts";
import type { TerminalSettings } from "./claude/terminal/settings.ts";
import { type AdminKey, loadAdminKey } from "./config/admin-key.ts";
import { build } from "./config/build.ts";
import { createLiveSettings } from "./config/live.ts";
import type { LoadedSettings } from "./config/load.ts";
import type { Paths } from "./config/paths.ts";
import type { Config } from "./config/settings.ts";
import { secretsIn, shownSettings } from "./config/shown.ts";
import { type Admission, createAdmission } from "./core/admission.ts";
import { createCatalog } from "./core/catalog.ts";
import { describeDefect } from "./core/defect.ts";
import { OcpError } from "./core/errors.ts";
import { type HostTools, hostToolsOf, sharedKeyName } from "./core/host-tools.ts";
import { createJournal } from "./core/journal.ts";
import type { Engine } from "./core/ports.ts";
import { keyById } from "./core/quota.ts";
import { createSeldom } from "./core/seldom.ts";
import type { KeyStore } from "./core/store.ts";
import { createLog } from "./logs/log.ts";
import { createLogReader } from "./logs/reader.ts";
import { createSchemaChecker } from "./schema/checker.ts";
import { createApp } from "./server/app.ts";
import { type Place, takePlace } from "./server/listen.ts";
import { startReaping } from "./server/reaping.ts";
import { remainingBackups } from "./store/backups.ts";
import { openStore } from "./store/open.ts";
import { holdForServer } from "./store/server-lock.ts";
import { createSessionDisk } from "./store/sessions.ts";

export interface StartOptions {
  /** Answers come from a simulated API. */
  demo: boolean;
  version: string;
  /** How this program is called again. */
  self: readonly string[];
  paths: Paths;
  environment: Record<string, string | undefined>;
  /** Takes the log's lines for people. */
  stderr: (line: string) => void;
  ending: Ending;
}

/** The end of the process, as the parts that must know of it are told. */
export interface Ending {
  /** `action` is called at the very end. */
  atExit(action: () => void): void;
  /** `report` is called with an error that nobody caught, before the process ends of it. */
  onDefect(report: (error: unknown) => void): void;
}

/** One line of what was found at the start. */
export interface Finding {
  label: string;
  value: string;
  problem?: boolean;
}

export interface Running {
  url: string;
  /** Takes as long as the CLI needs to say its version. */
  report(): Promise<Finding[]>;
  /** Lets running answers end for `graceMs` milliseconds, then ends everything: with 0 at once, before it returns. */
  stop(graceMs: number): Promise<void>;
}

/** How long, in ms, the last words to clients may take. */
const farewell = 1_000;

/**
 * Takes the port and the data directory before anything there is changed: a start that comes to nothing, since another
 * server is there, leaves that one's files alone. Throws OcpError.
 */
export async function start(loaded: LoadedSettings, options: StartOptions): Promise<Running> {
  const { config } = loaded;
  const adminKey = loadAdminKey(options.paths, config);
  const place = takePlace({ port: config.port, bind: config.bind });
  let letGo = () => {};
  try {
    // A demo neither reads nor writes what is real.
    if (!options.demo) letGo = holdForServer(options.paths.data);
    return await startAt(place, letGo, adminKey, loaded, options);
  } catch (error) {
    await place.release();
    letGo();
    throw error;
  }
}

async function startAt(
  place: Place,
  letGo: () => void,
  adminKey: AdminKey,
  loaded: LoadedSettings,
  options: StartOptions,
): Promise<Running> {
  const { demo, version, paths, environment, stderr, ending, self } = options;
  const { config } = loaded;
  const log = createLog({
    directory: paths.logs,
    limits: () => ({ level: config.logLevel, maxBytes: config.logMaxBytes, keep: config.logKeep }),
    secrets: [adminKey.secret, ...secretsIn(config)],
    stderr,
    now: Date.now,
  });
  ending.atExit(log.flush);
  ending.onDefect((error) => log.error("the server ends: an error that nobody caught", describeDefect(error)));
  // The keys and the usage of a demo are gone when it ends.
  const store = openStore({ directory: demo ? null : paths.data, now: Date.now, log });
  const settings = createLiveSettings(loaded, store.settings, log);
  const warn = createSeldom(log, () => performance.now());
  const catalog = createCatalog(modelsFile);
  const journal = createJournal({ usage: store.usage, warn, clock: Date.now, modelName: catalog.nameOf });
  const simulator = demo ? await startDemo() : null;
  let admission: Admission | null = null;

  if (!demo && !config.tuiMode && existsSync(paths.terminal)) {
    const { forgetHome } = await import("./claude/terminal/home.ts");
    await forgetHome(terminalOf(config, paths), paths).catch((error) =>
      log.warn("what the interactive mode kept could not be removed", { error: error.code ?? String(error) }),
    );
  }
  const schemas = createSchemaChecker({ self, platform: process.platform, log });
  const engine = await createEngine({
    claudeBin: config.claudeBin,
    oauthToken: simulator ? "sk-ant-oat01-simulated" : config.oauthToken,
    upstreamUrl: simulator?.url ?? config.upstreamUrl,
    simulated: demo,
    spawnRealHome: !demo && config.spawnRealHome,
    timeout: () => (config.tuiMode ? config.tuiWallclock : config.timeout),
    timeoutName: config.tuiMode ? "CLAUDE_TUI_WALLCLOCK_MS" : "CLAUDE_TIMEOUT",
    terminal: config.tuiMode ? terminalOf(config, paths) : null,
    memoryMax: () => config.memoryMax,
    hostTools: hostToolsOf(config),
    spares: () => config.spares,
    liveMax: () => config.liveMax,
    sessionTtl: () => config.sessionTtl,
    onRoom: () => admission?.recheck(),
    paths,
    planFile: demo ? null : join(paths.data, "plan.json"),
    environment,
    platform: process.platform,
    schemas,
    kept: createKeptAnswers({
      hours: () => config.sessionKeep,
      maxBytes: () => config.sessionMaxBytes,
      disk: demo ? null : createSessionDisk({ directory: paths.data, log }),
      isGone: (principalId, at) => isGone(store.keys, principalId, at),
      log,
      now: Date.now,
    }),
    log,
    now: Date.now,
  });
  const limits = () => {
    const { tuiMode, tuiMaxConcurrent, maxConcurrent, maxQueue, queueRetryAfter } = config;
    return { maxConcurrent: tuiMode ? tuiMaxConcurrent : maxConcurrent, maxQueue, retryAfter: queueRetryAfter };
  };
  admission = createAdmission({
    ...limits(),
    hasRoom: engine.hasRoom,
    refusal: config.tuiMode ? "not_ready" : "queue_full",
  });
  settings.onChange(() => {
    engine.reconsider();
    admission?.setLimits(limits());
  });

  const stopReaping = startReaping({
    store,
    cacheTtl: () => config.cacheTtl,
    usageDays: () => config.usageDays,
    clock: Date.now,
    log,
  });
  const closing = new AbortController();
  const app = createApp({
    config,
    settings,
    engine,
    catalog,
    admission,
    store,
    journal,
    adminKey: adminKey.secret,
    log,
    logs: createLogReader(paths.logs, log.flush),
    closing: closing.signal,
    version,
    doctor: () => askDoctor(self, { ...environment, CLAUDE_PROXY_PORT: String(place.port) }),
    releaseUrl: environment.OCP_UPDATE_URL || build.releaseUrl,
    demo,
    clock: Date.now,
    hostname,
    interfaces: networkInterfaces,
    newId: (prefix) => `${prefix}${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`,
  });
  const listener = place.serve(app, admission);
  log.info("started", { version, url: listener.url, demo: demo || undefined, settings: shownSettings(loaded) });

  return {
    url: listener.url,
    report: () => findings(engine, config, paths, adminKey, store.keys),
    async stop(graceMs) {
      stopReaping();
      closing.abort();
      // At once, with no grace: what calls this may end the process right after it.
      if (graceMs === 0) schemas.close();
      // Turns that are ended must still be able to say so to their clients.
      await Promise.all([engine.close(graceMs), listener.stop(graceMs + farewell)]);
      schemas.close();
      await simulator?.stop();
      await journal.close(farewell);
      store.close();
      letGo();
      log.info("stopped");
    },
  };
}

/** Tells whether the key of a principal is revoked, was made after `at`, or cannot be asked for. */
function isGone(keys: KeyStore, principalId: string, at: number): boolean {
  const id = /^key-(\d+)$/.exec(principalId)?.[1];
  if (id === undefined) return false;
  try {
    const key = keyById(keys, Number(id));
    return key === null || key.revokedAt !== null || key.createdAt > at;
  } catch {
    return true;
  }
}

function terminalOf(config: Config, { terminal }: Paths): TerminalSettings {
  return {
    home: { path: config.tuiHome ?? join(terminal, "home"), ours: config.tuiHome === undefined },
    cwd: config.tuiCwd ?? join(terminal, "work"),
    sessions: join(terminal, "sessions"),
    entrypoint: config.tuiEntrypoint,
    effort: config.tuiEffort,
    poolSize: config.tuiPoolSize,
  };
}

/** The words of a simulated answer come at the pace of a real one. */
async function startDemo() {
  const [{ startSimulator }, { demoLimits }] = await Promise.all([
    import("./demo/simulator.ts"),
    import("./demo/limits.ts"),
  ]);
  const since = Date.now();
  return startSimulator({ paceMs: 20, keep: 1, limits: (count) => demoLimits(count, since, Date.now()) });
}

async function findings(
  engine: Engine,
  config: Config,
  { data, logs }: Paths,
  adminKey: AdminKey,
  keys: KeyStore,
): Promise<Finding[]> {
  const { cli, login, spawn, simulated, terminal } = await engine.status();
  const expiry = login.expiresAt === null ? "" : `, until ${new Date(login.expiresAt).toISOString()}`;
  const loginText = simulated
    ? "none is needed: the answers are simulated"
    : (login.problem ?? `found (${login.source}${expiry})`);
  return [
    {
      label: "claude",
      value: cli.problem ?? `${cli.path} (${cli.version ?? "version unknown"})`,
      problem: !!cli.problem,
    },
    { label: "login", value: loginText, problem: !simulated && login.problem !== null },
    {
      label: "isolation",
      value: spawn.isolated ? "claude runs in a home of its own" : `claude runs in your home: ${spawn.reason}`,
    },
    ...(terminal
      ? [
          {
            label: "interactive",
            value: `on, for one person (CLAUDE_TUI_MODE): home ${spawn.home}, cwd ${terminal.cwd}, ${spawn.isolated || login.source === "environment" ? "login by token" : "login of that home"}, wall clock ${config.tuiWallclock} ms, ${config.tuiMaxConcurrent} at a time`,
            problem: true,
          },
        ]
      : []),
    ...hostToolFindings(hostToolsOf(config), keys),
    { label: "log", value: config.logMaxBytes === 0 ? "here alone" : `here and in ${logs}` },
    { label: "access", value: access[config.authMode] },
    { label: "admin key", value: adminKey.path ?? "from OCP_ADMIN_KEY" },
    ...remainingBackups(data).map(({ path }) => ({
      label: "backup",
      value: `${path} holds the keys of OCP 3 in plain text: remove it once all is well`,
      problem: true,
    })),
  ];
}

/** For whom the model may use them, and names in the list that no key has. */
function hostToolFindings(tools: HostTools | null, keys: KeyStore): Finding[] {
  if (tools === null) return [];
  const label = "host tools";
  const unknown = tools.keys.filter((name) => name !== sharedKeyName && keys.find(name)?.name !== name);
  const others = tools.keys.length > 0 ? `, and for the keys ${tools.keys.join(", ")}` : "";
  return [
    {
      label,
      value: `the model may use tools of this machine, for the admin and programs on it${others}`,
      problem: true,
    },
    ...unknown.map((name) => ({ label, value: `OCP_HOST_TOOLS_KEYS: there is no key ${name} yet`, problem: true })),
  ];
}

const access: Record<Config["authMode"], string> = {
  none: "without a key",
  shared: "with the shared key",
  multi: "with a key for each person or device",
};

/** The report of `ocp doctor --json`, by a process of its own: it looks at the machine, which may take its time. */
async function askDoctor(self: readonly string[], env: Record<string, string | undefined>): Promise<unknown> {
  const options = {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: 30_000,
    killSignal: "SIGKILL",
  } as const;
  const child = Bun.spawn([...self, "doctor", "--json"], options);
  const text = await child.stdout.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OcpError("upstream_failed", "`ocp doctor` could not be run on the server.", { cause });
  }
}
