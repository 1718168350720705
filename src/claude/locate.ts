/** Finds the official `claude` CLI on this machine, and what version it is. */

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** Places that a service's PATH often lacks. */
const usual = ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"];
const usualAtHome = [".local/bin", ".claude/local", ".npm-global/bin", ".bun/bin", "bin"];

export interface LocateOptions {
  /** CLAUDE_BIN: then no other is taken. */
  wanted: string | undefined;
  home: string;
  path: string | undefined;
}

/** Returns the absolute path, or the sentence that says what is wrong. */
export function locateClaude({ wanted, home, path }: LocateOptions): { bin: string } | { problem: string } {
  if (wanted !== undefined) {
    if (!isAbsolute(wanted)) return { problem: "CLAUDE_BIN must be an absolute path." };
    return isExecutable(wanted) ? { bin: wanted } : { problem: "CLAUDE_BIN names no executable file." };
  }
  const directories = [
    ...(path ?? "").split(delimiter).filter(isAbsolute),
    ...usual,
    ...usualAtHome.map((directory) => join(home, directory)),
  ];
  for (const directory of directories) {
    const bin = join(directory, "claude");
    if (isExecutable(bin)) return { bin };
  }
  return {
    problem:
      "The claude CLI was not found. Install it (https://claude.com/claude-code), or set CLAUDE_BIN to where it is.",
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** How long `claude --version` may take. It needs 30 to 300 ms; a Pi that is busy starting up needs more. */
const versionTimeout = 30_000;

/**
 * Runs `claude --version` in the scratch home; null when it does not say within `timeout` ms. Whatever it started is
 * gone when this resolves.
 */
export async function versionOf(
  bin: string,
  scratch: string,
  path: string | undefined,
  timeout = versionTimeout,
): Promise<string | null> {
  try {
    const child = Bun.spawn([bin, "--version"], {
      env: { HOME: scratch, PATH: path ?? "", DISABLE_AUTOUPDATER: "1" },
      cwd: scratch,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      detached: true,
    });
    const timer = setTimeout(() => killGroup(child.pid), timeout);
    try {
      return await firstVersion(child.stdout);
    } finally {
      clearTimeout(timer);
      killGroup(child.pid);
    }
  } catch {
    return null;
  }
}

/** Does not wait for the stream's end: a program that the CLI left behind may hold it open. */
async function firstVersion(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const version = /\d{1,9}\.\d{1,9}\.\d{1,9}(?=\D)/.exec(text);
    if (version) return version[0];
  }
  return /\d{1,9}\.\d{1,9}\.\d{1,9}/.exec(text)?.[0] ?? null;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
