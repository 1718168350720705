/** `GET /health`: whether a request could be answered now, and if not, what to do about it. */

import { Elysia } from "elysia";
import type { Config } from "../../config/settings.ts";
import type { AdmissionStats } from "../../core/admission.ts";
import { humanDuration } from "../../core/duration.ts";
import { hostToolsOf } from "../../core/host-tools.ts";
import type { JournalStatus } from "../../core/journal.ts";
import type { EngineStatus } from "../../core/ports.ts";
import { isAdmin } from "../access.ts";
import type { Exchanges } from "../exchange.ts";
import { jsonResponse, noSecurity } from "../openapi.ts";
import type { AppServices } from "../services.ts";
import type { Turns } from "../turns.ts";

export function healthRoutes(services: AppServices, exchanges: Exchanges, turns: Turns) {
  const { config, engine, clock } = services;
  const startedAt = clock();
  return new Elysia({ name: "health" }).get(
    "/health",
    async ({ request }) => {
      const status = await engine.status();
      const { principal, local } = exchanges.of(request);
      const anonymousKey = config.anonymousKey ?? null;
      if (local || isAdmin(principal)) {
        return Response.json({ ...everything(services, turns, status, clock() - startedAt), anonymousKey });
      }
      const advertised = config.advertiseAnonymousKey ? { anonymousKey } : {};
      return Response.json({ ...summary(services, status), ...advertised });
    },
    { detail },
  );
}

/** For anyone on the network. */
function summary({ version, config, demo }: AppServices, status: EngineStatus) {
  return {
    status: isWorking(status) ? "ok" : "degraded",
    version,
    authMode: config.authMode,
    ...(demo || status.simulated ? { simulated: true } : {}),
  };
}

/** For the admin and for programs on this machine. The keys are the ones that existing monitors read. */
function everything(services: AppServices, turns: Turns, status: EngineStatus, uptime: number) {
  const { config, admission } = services;
  const { total, active, errors, timeouts } = turns.figures.stats();
  const journal = services.journal.status();
  const queue = admission.stats();
  const { cli, login } = status;
  const maxConcurrent = config.tuiMode ? config.tuiMaxConcurrent : config.maxConcurrent;
  const hostTools = hostToolsOf(config);
  return {
    ...summary(services, status),
    advice: [...advice(status), ...adviceOnUsage(journal)],
    uptime,
    uptimeHuman: humanDuration(uptime),
    claudeBinary: cli.path,
    claudeBinaryOk: cli.problem === null,
    claudeVersion: cli.version,
    auth: { ok: isLoggedIn(status), state: login.state, source: login.source, message: login.problem },
    instanceName: config.instanceName ?? null,
    config: {
      allowedTools: hostTools?.allowed ?? [],
      skipPermissions: config.skipPermissions,
      mcpConfig: hostTools?.mcpConfig ?? null,
      hostToolsKeys: hostTools?.keys ?? [],
      timeout: config.tuiMode ? config.tuiWallclock : config.timeout,
      maxConcurrent,
      maxQueue: config.maxQueue,
      maxBodySize: config.maxBodySize,
      maxPromptChars: config.maxPromptChars ?? null,
      heartbeatInterval: config.heartbeatInterval,
      systemPrompt: config.systemPrompt?.slice(0, 50) ?? "(none)",
    },
    stats: {
      totalRequests: total,
      activeRequests: active,
      errors,
      timeouts,
      queued: queue.waiting,
      queueRejections: queue.rejected,
    },
    spawn: status.spawn,
    concurrency: {
      maxConcurrent,
      // The last place is another caller's.
      maxPerCaller: Math.max(1, maxConcurrent - 1),
      maxQueue: config.maxQueue,
      inflight: queue.running,
      queued: queue.waiting,
      queueRejections: queue.rejected,
    },
    usage: journal,
    processes: status.processes,
    memory: status.memory,
    tui: interactive(config, status, queue),
  };
}

/** The keys are the ones that existing monitors read. */
function interactive(config: Config, { terminal, spawn }: EngineStatus, queue: AdmissionStats) {
  const { turns = 0, deltas = 0, topUps = 0, divergences = 0, zeroDeltaTurns = 0 } = terminal?.stream ?? {};
  return {
    enabled: terminal !== null,
    singleUser: terminal !== null,
    home: terminal ? spawn.home : null,
    cwd: terminal?.cwd ?? null,
    problem: terminal?.problem ?? null,
    entrypointMode: config.tuiEntrypoint,
    lastEntrypoint: terminal?.lastEntrypoint ?? null,
    entrypointMismatches: terminal?.entrypointMismatches ?? 0,
    inflight: terminal ? queue.running : 0,
    queued: terminal ? queue.waiting : 0,
    maxConcurrent: config.tuiMaxConcurrent,
    pool: terminal && config.tuiPoolSize > 0 ? { ...terminal.pool, cancelled: 0 } : null,
    streamEnabled: terminal !== null,
    streamTurns: turns,
    streamDeltas: deltas,
    streamTopUps: topUps,
    streamDivergences: divergences,
    streamZeroDeltaTurns: zeroDeltaTurns,
  };
}

export function isWorking(status: EngineStatus): boolean {
  return status.cli.problem === null && isLoggedIn(status) && !status.terminal?.problem;
}

function isLoggedIn({ login }: EngineStatus): boolean {
  return login.state === "ok" || login.state === "expiring";
}

/** What the owner can do, in the order in which it helps; empty when all is well. */
function advice(status: EngineStatus): string[] {
  const { cli, login, terminal } = status;
  const steps: string[] = [];
  if (cli.path === null) {
    steps.push(
      "No claude CLI was found: install it (npm install -g @anthropic-ai/claude-code), or name it with CLAUDE_BIN.",
    );
  } else if (cli.problem !== null) {
    steps.push(cli.problem);
  }
  if (login.state === "missing") {
    steps.push("claude is not logged in: run `claude` as this user and log in, or set CLAUDE_CODE_OAUTH_TOKEN.");
  }
  if (login.state === "rejected") {
    steps.push("The login was refused: run `claude` as this user, enter /login, and log in again.");
  }
  if (terminal?.problem) steps.push(terminal.problem);
  return steps;
}

function adviceOnUsage({ waiting, lost, problem }: JournalStatus): string[] {
  if (problem === null) return [];
  return [
    `Usage cannot be kept (${waiting} turns wait, ${lost} are lost), requests are answered all the same. ${problem}`,
  ];
}

const detail = {
  tags: ["Server"],
  summary: "Whether requests can be answered",
  description:
    "Always 200; 503 while the server starts. `degraded` means that there is no usable `claude` CLI, no login, or, in " +
    "the interactive mode, no usable home. The admin and programs on the server's own machine see everything, others " +
    "the first keys. `anonymousKey` is the key for guests, or null: others see it with `PROXY_ADVERTISE_ANON_KEY`.",
  security: noSecurity,
  responses: {
    "200": jsonResponse("The state.", { status: "ok", version: "4.0.0", authMode: "none" }),
  },
};
