/** Our server as people run it: the built binary, with the newest CLI of the dev dependencies. */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { claudeBinary } from "../test/harness/claude.ts";
import type { Program, Programs } from "./programs.ts";

const root = join(import.meta.dir, "..");

export const binary = join(root, "dist", "ocp");

export interface OursOptions {
  apiUrl?: string;
  /** In place of the real CLI. */
  claudeBin?: string;
  /** OCP_SPARES; the default is the server's own. */
  spares?: number;
  env?: Record<string, string>;
  /** After `serve --port 0`. */
  args?: string[];
}

export function startOurs(programs: Programs, options: OursOptions = {}): Promise<Program> {
  return programs.start({
    argv: [binary, "serve", "--port", "0", ...(options.args ?? [])],
    env: {
      CLAUDE_BIN: options.claudeBin ?? claudeBinary(),
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-bench",
      // The benchmark asks the same again and again.
      OCP_REPEAT_LIMIT: "0",
      ...(options.spares === undefined ? {} : { OCP_SPARES: String(options.spares) }),
      ...(options.apiUrl === undefined ? {} : { OCP_UPSTREAM_URL: options.apiUrl }),
      ...options.env,
    },
  });
}

/** Builds the binary when it is missing or older than what it is made of. */
export async function buildIfStale(): Promise<void> {
  if (existsSync(binary) && !isStale(statSync(binary).mtimeMs)) return;
  const build = Bun.spawn([process.execPath, join("scripts", "build.ts")], { cwd: root, stdout: 2, stderr: 2 });
  if ((await build.exited) !== 0) throw new Error("The build failed.");
}

/** Whether anything that the binary is made of has changed since then, in epoch ms. */
export function isStale(builtAt: number): boolean {
  // One after the other: a pattern of alternatives that hold `**` finds nothing (Bun 1.4.5).
  const files = ["src/**/*", "models.json", "package.json", "bun.lock"].flatMap((pattern) => [
    ...new Glob(pattern).scanSync({ cwd: root }),
  ]);
  return files.some((file) => statSync(join(root, file)).mtimeMs > builtAt);
}
