/** `bun run demo`: installs what is missing and serves simulated answers through the newest CLI of the dev dependencies. */

import { join } from "node:path";

const root = join(import.meta.dir, "..");
const run = (args: string[], env: NodeJS.ProcessEnv, stdout: "inherit" | 2) =>
  Bun.spawn([process.execPath, ...args], { cwd: root, env, stdin: "inherit", stdout, stderr: "inherit" });

const installed = await run(["install", "--frozen-lockfile"], process.env, 2).exited;
if (installed !== 0) process.exit(installed);
const { claudeBinary } = await import("../test/harness/claude.ts");
const env = { CLAUDE_BIN: claudeBinary(), ...process.env };
const server = run([join("src", "main.ts"), "serve", "--demo", ...process.argv.slice(2)], env, "inherit");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));
process.exitCode = await server.exited;
