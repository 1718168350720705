/** The engine: answers conversations through the `claude` CLI, and tells how it is. What runs the CLI is its backend. */

import { statSync } from "node:fs";
import { join } from "node:path";
import type { Conversation } from "../core/conversation.ts";
import { OcpError } from "../core/errors.ts";
import type { HostTools } from "../core/host-tools.ts";
import type { Engine, EngineStatus, Log, SchemaChecker, TurnContext } from "../core/ports.ts";
import type { TurnEvent } from "../core/turn.ts";
import { unusable } from "./answer.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { macKeychain, readCredential } from "./credentials.ts";
import { notLoggedIn } from "./failure.ts";
import { createHeadless } from "./headless.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import { rememberLimits } from "./limits-memory.ts";
import { locateClaude, versionOf } from "./locate.ts";
import { createLogin, unlessAborted } from "./login.ts";
import { createOutput } from "./output.ts";
import { createRefusals } from "./refusals.ts";
import { prepareScratch } from "./scratch.ts";
import type { TerminalSettings } from "./terminal/settings.ts";

export interface EngineOptions {
  /** CLAUDE_BIN. */
  claudeBin: string | undefined;
  /** CLAUDE_CODE_OAUTH_TOKEN. */
  oauthToken: string | undefined;
  upstreamUrl: string | undefined;
  /** The upstream is the simulated API. */
  simulated: boolean;
  spawnRealHome: boolean;
  /** Milliseconds for a turn, from its start to its end. This and the next four are asked when they are needed. */
  timeout: () => number;
  /** The variable that `timeout` comes from, for who runs into it. */
  timeoutName: string;
  /** Null: the CLI runs headless. Otherwise it is the interactive one, in a terminal of ours. */
  terminal: TerminalSettings | null;
  /** Bytes for all processes together. */
  memoryMax: () => number;
  /** Null: the operator lets the model use none. */
  hostTools: HostTools | null;
  /** OCP_SPARES. */
  spares: () => number;
  /** OCP_LIVE_MAX. */
  liveMax: () => number;
  /** CLAUDE_SESSION_TTL, ms. */
  sessionTtl: () => number;
  /** Called when `hasRoom` may have become true. */
  onRoom: () => void;
  paths: { home: string; spawnHome: string; claudeConfig: string };
  /** Where what is known of the plan is kept over a restart; null: nowhere. */
  planFile: string | null;
  environment: Record<string, string | undefined>;
  platform: NodeJS.Platform;
  /** Judges the schemas of answers in JSON. */
  schemas: SchemaChecker;
  /** The answers of conversations that may come back; the engine closes it. */
  kept: KeptAnswers;
  log: Log;
  /** Epoch ms. */
  now: () => number;
}

export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { paths, environment, kept, log, now } = options;
  const scratch = await prepareScratch({ path: paths.spawnHome, realConfig: paths.claudeConfig });
  const limits = rememberLimits(options.planFile, log, now);
  const find = () => locateClaude({ wanted: options.claudeBin, home: paths.home, path: environment.PATH });
  const shared = {
    locate: () => {
      const found = find();
      if ("problem" in found) throw new OcpError("not_ready", found.problem);
      return found.bin;
    },
    upstreamUrl: options.upstreamUrl,
    environment,
    hostTools: options.hostTools,
    memoryMax: options.memoryMax,
    liveMax: options.liveMax,
    sessionTtl: options.sessionTtl,
    starting: () => starting,
    onRoom: options.onRoom,
    limits,
    kept,
    log,
    now,
  };
  const { terminal } = options;
  // Loaded when it is wanted: few run this mode, and it brings a terminal's emulator along.
  const backend =
    terminal === null
      ? createHeadless({ ...shared, scratch, spares: options.spares, kept })
      : await (await import("./terminal/backend.ts")).createTerminalBackend({ ...shared, terminal, paths });
  const owners =
    terminal && !terminal.home.ours
      ? { home: terminal.home.path, config: join(terminal.home.path, ".claude") }
      : { home: paths.home, config: paths.claudeConfig };
  const keychain = options.platform === "darwin" ? macKeychain(now) : null;
  const login = createLogin({
    async read() {
      const sources = { environment: options.oauthToken, configDirectory: owners.config, keychain };
      const credential = await readCredential(sources);
      limits.login(credential?.token ?? null, credential?.subscription ?? null);
      return credential;
    },
    scratchHome: terminal ? terminal.home.path : scratch.path,
    realHome: owners.home,
    alwaysRealHome: options.spawnRealHome && terminal === null,
    now,
  });
  const refusals = createRefusals();
  const turns = new Set<AbortController>();
  /** Turns whose answer has not begun. */
  let starting = 0;
  /** The token that Anthropic last refused. */
  let rejected: string | null = null;
  let closing = false;

  let version: { of: string; text: Promise<string | null> } | null = null;
  const versionNow = (): Promise<string | null> => {
    const found = find();
    if ("problem" in found) return Promise.resolve(null);
    // The CLI may be updated under us.
    const of = `${found.bin} ${statSync(found.bin).mtimeMs}`;
    if (version?.of !== of) {
      const asked = { of, text: versionOf(found.bin, scratch.path, environment.PATH) };
      version = asked;
      asked.text.then((text) => {
        if (text === null && version === asked) version = null;
      });
    }
    return version.text;
  };

  /** Tries the turn, again where that costs nobody anything: nothing went out, and something changed or was cut. */
  async function* tries(asked: Conversation, context: TurnContext, signal: AbortSignal) {
    const omissions = refusals.begin(asked);
    const checks = { schemas: options.schemas, principalId: context.principal.id, signal };
    const output = asked.output === null ? null : await createOutput(asked.output, checks);
    let cuts = 0;
    let logins = 0;
    for (;;) {
      const capabilities = capabilitiesOf(await unlessAborted(versionNow(), signal));
      const { conversation, forcing, ignored } = omissions.apply();
      const lease = await login.lease(signal);
      starting++;
      let waits = true;
      const onBegin = () => {
        if (waits) starting--;
        waits = false;
      };
      let begun = false;
      try {
        const { principal } = context;
        for await (const event of backend.attempt({
          conversation,
          forcing,
          stop: asked.sampling.stop,
          output,
          ignored,
          principal,
          lease,
          capabilities,
          signal,
          onBegin,
          onProcessDone: (final) => final && context.onDone?.(),
        })) {
          begun = true;
          yield event;
        }
        rejected = null;
        omissions.confirm();
        return;
      } catch (error) {
        const code = error instanceof OcpError && !signal.aborted ? error.code : null;
        const token = lease.credential?.token ?? null;
        if (code === "upstream_authentication") rejected = token;
        if (code !== null) {
          const { forLog, cause } = error as OcpError;
          const because = cause === undefined ? undefined : String(cause);
          log.warn("turn failed", { requestId: context.requestId, code, error: forLog, begun, cause: because });
        }
        if (begun || code === null) throw error;
        if (omissions.add(error)) continue;
        if (code === "upstream_failed" && (error as OcpError).reason !== unusable && cuts++ < 1) continue;
        // The login was replaced while this turn still used the old one.
        if (code === "upstream_authentication" && logins++ < 1) {
          if ((await login.look()).credential?.token !== token) continue;
        }
        throw error;
      } finally {
        onBegin();
      }
    }
  }

  return {
    async *run(conversation: Conversation, context: TurnContext): AsyncGenerator<TurnEvent, void, void> {
      if (closing) throw new OcpError("not_ready", "The server is shutting down.");
      context.signal.throwIfAborted();
      const turn = new AbortController();
      const timeout = options.timeout();
      const leave = () => turn.abort(context.signal.reason);
      const expire = () =>
        turn.abort(
          new OcpError("timeout", `The answer took longer than ${timeout / 1000} s (${options.timeoutName}).`),
        );
      context.signal.addEventListener("abort", leave, { once: true });
      const timer = setTimeout(expire, timeout);
      turns.add(turn);
      try {
        yield* tries(conversation, context, turn.signal);
      } finally {
        clearTimeout(timer);
        context.signal.removeEventListener("abort", leave);
        turns.delete(turn);
      }
    },

    hasRoom: backend.hasRoom,
    bringsProcess: backend.bringsProcess,

    async status(): Promise<EngineStatus> {
      const found = find();
      const { state, credential } = await login.look();
      const refused = credential !== null && credential.token === rejected;
      const realHome = options.spawnRealHome && terminal === null;
      const isolated = !realHome && state === "ok" && (terminal === null || terminal.home.ours);
      return {
        simulated: options.simulated,
        cli: {
          path: "bin" in found ? found.bin : null,
          version: await versionNow(),
          problem: "problem" in found ? found.problem : null,
        },
        login: {
          state: refused ? "rejected" : state,
          source: options.simulated ? "demo" : (credential?.source ?? null),
          expiresAt: credential?.expiresAt ?? null,
          problem:
            state === "missing"
              ? notLoggedIn().message
              : refused
                ? "Anthropic refused this server's login. On the server, run `claude` and log in again."
                : null,
        },
        spawn: {
          mode: isolated ? "isolated-scratch-home" : "real-home",
          isolated,
          home: !realHome && state === "ok" ? (terminal?.home.path ?? scratch.path) : owners.home,
          reason:
            terminal && state === "ok" && !isolated
              ? "OCP_TUI_HOME names it"
              : realHome
                ? "OCP_SPAWN_REAL_HOME is set"
                : state === "ok"
                  ? "a token was found, so the CLI needs no home of yours"
                  : state === "expiring"
                    ? "the login is about to expire, and only the CLI itself may refresh it"
                    : "no token was found, so the CLI looks for its login by itself",
        },
        processes: backend.counts(),
        memory: { limit: options.memoryMax(), estimate: backend.memory() },
        terminal: backend.terminal(),
      };
    },

    async plan() {
      // The login may have been replaced.
      await login.look();
      return limits.status(now());
    },

    sessions: backend.sessions,
    clearSessions(principalId) {
      const ended = backend.clear(principalId);
      kept.clear(principalId);
      return ended;
    },
    reconsider() {
      backend.reconsider();
      kept.reconsider();
    },

    async close(graceMs) {
      closing = true;
      const deadline = now() + graceMs;
      while (turns.size > 0 && now() < deadline) await Bun.sleep(20);
      for (const turn of turns) turn.abort(new OcpError("not_ready", "The server is shutting down."));
      await backend.close();
      await kept.close();
      await limits.close();
    },
  };
}
