/**
 * Finds the login that the CLI is to use, anew for each turn: a token kept from start-up is a token that expires.
 * It is only read here. Refreshing belongs to the CLI: refresh tokens work once, and two parties lose the login.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Credential {
  token: string;
  source: "environment" | "file" | "keychain";
  /** Epoch ms; null: not known. */
  expiresAt: number | null;
  /** `pro`, `max` ...; null: not known. */
  subscription: string | null;
}

export interface CredentialSources {
  /** CLAUDE_CODE_OAUTH_TOKEN. */
  environment: string | undefined;
  /** The owner's `~/.claude`. */
  configDirectory: string;
  /** macOS keeps the login in the keychain: returns what it holds for one of the CLI's labels, or null. */
  keychain: (() => Promise<string | null>) | null;
}

/** How long, in ms, a login file may be half-written. */
const rewriteTime = 50;

/** The order is the reference's: environment, file, keychain. */
export async function readCredential(sources: CredentialSources): Promise<Credential | null> {
  if (sources.environment !== undefined) {
    return { token: sources.environment, source: "environment", expiresAt: null, subscription: null };
  }
  const file = join(sources.configDirectory, ".credentials.json");
  for (let tries = 0; tries < 3; tries++) {
    const text = await readFile(file, "utf8").catch(() => null);
    if (text === null) break;
    const login = parseLogin(text, "file");
    if (login) return login;
    // It may be being written at this moment.
    await Bun.sleep(rewriteTime);
  }
  const secret = await sources.keychain?.();
  return secret ? parseLogin(secret, "keychain") : null;
}

/** `{"claudeAiOauth":{"accessToken","expiresAt":<ms>,...}}`, as the CLI stores it (2.1.197, 2.1.330). */
function parseLogin(text: string, source: "file" | "keychain"): Credential | null {
  let login: unknown;
  try {
    login = (JSON.parse(text) as { claudeAiOauth?: unknown } | null)?.claudeAiOauth;
  } catch {
    return null;
  }
  if (typeof login !== "object" || login === null) return null;
  const { accessToken, expiresAt, subscriptionType } = login as Record<string, unknown>;
  if (typeof accessToken !== "string" || !/^[\x21-\x7e]+$/.test(accessToken)) return null;
  const known = typeof expiresAt === "number" && Math.abs(expiresAt) <= latestDate;
  const named = typeof subscriptionType === "string" && /^[a-z0-9_ -]{1,40}$/i.test(subscriptionType);
  return {
    token: accessToken,
    source,
    expiresAt: known ? expiresAt : null,
    subscription: named ? subscriptionType : null,
  };
}

/** The largest time that a Date can hold, in epoch ms. */
const latestDate = 8.64e15;

/** The labels under which CLI versions have kept the login. */
const labels = ["Claude Code-credentials", "claude-code-credentials"];
const keychainMemory = 30_000;
const keychainTimeout = 5_000;

/** Asks the macOS keychain, at most once in 30 s, whatever it answers: each question starts a program. */
export function macKeychain(now: () => number): () => Promise<string | null> {
  let known: { at: number; secret: Promise<string | null> } | null = null;
  const ask = async (label: string): Promise<string | null> => {
    try {
      const child = Bun.spawn(["/usr/bin/security", "find-generic-password", "-s", label, "-w"], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
        timeout: keychainTimeout,
      });
      const text = await new Response(child.stdout).text();
      return (await child.exited) === 0 ? text.trim() : null;
    } catch {
      return null;
    }
  };
  const askAll = async () => {
    for (const label of labels) {
      const secret = await ask(label);
      if (secret !== null) return secret;
    }
    return null;
  };
  return () => {
    if (known === null || now() - known.at > keychainMemory) known = { at: now(), secret: askAll() };
    return known.secret;
  };
}
