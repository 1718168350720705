/** Composition: the one place that wires the parts together and starts them. */

import { hostname } from "node:os";
import modelsFile from "../models.json";
import { createEngine } from "./claude/engine.ts";
import type { HostTools } from "./claude/host-tools.ts";
import { type AdminKey, loadAdminKey } from "./config/admin-key.ts";
import type { Paths } from "./config/paths.ts";
import type { Config } from "./config/settings.ts";
import { type Admission, createAdmission } from "./core/admission.ts";
import { createCatalog } from "./core/catalog.ts";
import type { Engine, Log } from "./core/ports.ts";
import { createApp } from "./server/app.ts";
import { listen } from "./server/listen.ts";
import { startReaping } from "./server/turns/reaping.ts";
import { openStore } from "./store/open.ts";

export interface StartOptions {
  /** Answers come from a simulated API. */
  demo: boolean;
  version: string;
  paths: Paths;
  environment: Record<string, string | undefined>;
  log: Log;
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

export async function start(config: Config, options: StartOptions): Promise<Running> {
  const { demo, version, paths, environment, log } = options;
  const adminKey = loadAdminKey(paths, config);
  // A demo neither reads nor writes what is real: its keys and usage are gone when it ends.
  const store = openStore({ directory: demo ? null : paths.data, now: Date.now, log });
  const simulator = demo ? await startDemo() : null;
  let admission: Admission | null = null;

  const engine = await createEngine({
    claudeBin: config.claudeBin,
    oauthToken: simulator ? "sk-ant-oat01-simulated" : config.oauthToken,
    upstreamUrl: simulator?.url ?? config.upstreamUrl,
    simulated: demo,
    spawnRealHome: !demo && config.spawnRealHome,
    timeout: config.timeout,
    memoryMax: config.memoryMax,
    hostTools: hostToolsOf(config),
    spares: config.spares,
    liveMax: config.liveMax,
    sessionTtl: config.sessionTtl,
    onRoom: () => admission?.recheck(),
    paths,
    environment,
    platform: process.platform,
    log,
    now: Date.now,
  });
  const { maxConcurrent, maxQueue, queueRetryAfter } = config;
  admission = createAdmission({ maxConcurrent, maxQueue, retryAfter: queueRetryAfter, hasRoom: engine.hasRoom });

  const stopReaping = startReaping({ store: store.cache, ttl: () => config.cacheTtl, clock: Date.now, log });
  const app = createApp({
    config,
    engine,
    catalog: createCatalog(modelsFile),
    admission,
    store,
    adminKey: adminKey.secret,
    log,
    version,
    demo,
    clock: Date.now,
    hostname,
    newId: (prefix) => `${prefix}${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`,
  });
  const listener = listen(app, { port: config.port, bind: config.bind, admission });

  return {
    url: listener.url,
    report: () => findings(engine, config, adminKey),
    async stop(graceMs) {
      stopReaping();
      // Turns that are ended must still be able to say so to their clients.
      await Promise.all([engine.close(graceMs), listener.stop(graceMs + farewell)]);
      await simulator?.stop();
      store.close();
    },
  };
}

function hostToolsOf({ allowedTools, mcpConfig, skipPermissions }: Config): HostTools | null {
  if (allowedTools === undefined && mcpConfig === undefined) return null;
  return { allowed: allowedTools ?? [], mcpConfig, skipPermissions };
}

/** The words of a simulated answer come at the pace of a real one. */
async function startDemo() {
  const { startSimulator } = await import("./demo/simulator.ts");
  return startSimulator({ paceMs: 20, keep: 1 });
}

async function findings(engine: Engine, config: Config, adminKey: AdminKey): Promise<Finding[]> {
  const { cli, login, spawn, simulated } = await engine.status();
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
    ...(hostToolsOf(config)
      ? [{ label: "host tools", value: "the model may use tools of this machine", problem: true }]
      : []),
    { label: "access", value: access[config.authMode] },
    { label: "admin key", value: adminKey.path ?? "from OCP_ADMIN_KEY" },
  ];
}

const access: Record<Config["authMode"], string> = {
  none: "without a key",
  shared: "with the shared key",
  multi: "with a key for each person or device",
};
