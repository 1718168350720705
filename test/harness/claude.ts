/** Finds the real CLI's binaries among the dev dependencies, whether or not their install script ran. */

import { accessSync, constants, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export type CliVersion = "newest" | "oldest";

/** `exact`: the first in which a session file rebuilds a conversation with the CLI's reminders at their places. */
export type AnyCliVersion = CliVersion | "exact";

/** The npm packages of the CLIs under test. */
const wrappers = {
  newest: "@anthropic-ai/claude-code",
  exact: "claude-code-exact",
  oldest: "claude-code-oldest",
} as const;

export const cliVersions: readonly CliVersion[] = ["newest", "oldest"];

/** For the facts on which rebuilding and changing a conversation stands. */
export const anyCliVersions: readonly AnyCliVersion[] = ["newest", "exact", "oldest"];

/** The path of this platform's `claude`. Throws when it is not installed. */
export function claudeBinary(version: AnyCliVersion = "newest"): string {
  const wrapper = createRequire(import.meta.url).resolve(`${wrappers[version]}/package.json`);
  const name = `@anthropic-ai/claude-code-${platform()}`;
  let manifest: string;
  try {
    // From the wrapper's place, so that each version finds its own platform package wherever that was hoisted to.
    manifest = createRequire(wrapper).resolve(`${name}/package.json`);
  } catch {
    throw new Error(`${name} (${version}) is not installed. Run "bun install" with optional dependencies.`);
  }
  const binary = join(dirname(manifest), process.platform === "win32" ? "claude.exe" : "claude");
  accessSync(binary, constants.X_OK);
  return binary;
}

function platform(): string {
  const musl =
    process.platform === "linux" && existsSync(`/lib/ld-musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`);
  return `${process.platform}-${process.arch}${musl ? "-musl" : ""}`;
}
