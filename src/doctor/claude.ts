/** The `claude` CLI and its login, as the server would find them now. Nothing is sent anywhere. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capabilitiesOf } from "../claude/capabilities.ts";
import { type Credential, macKeychain, readCredential } from "../claude/credentials.ts";
import { locateClaude, versionOf } from "../claude/locate.ts";
import { createLogin } from "../claude/login.ts";
import type { Environment } from "../config/load.ts";
import type { Paths } from "../config/paths.ts";

export interface FoundClaude {
  /** Null when there is none; `problem` then says what to do. */
  path: string | null;
  problem: string | null;
  /** Null when it does not say. */
  version: string | null;
  /** Whether its newest abilities are used: a model that binds late, tools that change. */
  isModern: boolean;
}

/** `timeout`: ms for `claude --version`. */
export async function findClaude(env: Environment, { home }: Paths, timeout = 20_000): Promise<FoundClaude> {
  const found = locateClaude({ wanted: env.CLAUDE_BIN || undefined, home, path: env.PATH });
  if ("problem" in found) return { path: null, problem: found.problem, version: null, isModern: false };
  const scratch = mkdtempSync(join(tmpdir(), "ocp-claude-"));
  const version = await versionOf(found.bin, scratch, env.PATH, timeout);
  rmSync(scratch, { recursive: true, force: true });
  return { path: found.bin, problem: null, version, isModern: capabilitiesOf(version).lateModel };
}

export interface FoundLogin {
  state: "ok" | "expiring" | "missing";
  source: Credential["source"] | null;
  /** Epoch ms; null: not known. */
  expiresAt: number | null;
}

/** The login is only read, never refreshed and never tried. `now`: epoch ms. */
export async function findLogin(
  env: Environment,
  paths: Paths,
  platform: NodeJS.Platform,
  now: () => number,
): Promise<FoundLogin> {
  const sources = {
    environment: env.CLAUDE_CODE_OAUTH_TOKEN || undefined,
    configDirectory: env.CLAUDE_CONFIG_DIR || paths.claudeConfig,
    keychain: platform === "darwin" ? macKeychain(now) : null,
  };
  const login = createLogin({
    read: () => readCredential(sources),
    scratchHome: paths.spawnHome,
    realHome: paths.home,
    alwaysRealHome: false,
    now,
  });
  const { state, credential } = await login.look();
  return { state, source: credential?.source ?? null, expiresAt: credential?.expiresAt ?? null };
}
