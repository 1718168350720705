/** Sessions of the real Claude Code as the client, in a home of its own. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../../src/demo/simulator.ts";
import { claudeBinary } from "../harness/claude.ts";
import { testEnv } from "../harness/env.ts";
import { createTemp } from "../harness/temp.ts";
import type { Report } from "./report.ts";
import { type SessionOptions, startSession } from "./session.ts";
import { prompt, work } from "./work.ts";

export interface ClaudeCodeOptions extends Omit<SessionOptions, "script"> {
  model: string;
  steps: number;
  /**
   * With two sub-agents at the fifth step, and in the middle a `/compact` and a `--resume`; without it all steps are one
   * loop of Bash, Read, Edit and Write.
   */
  whole?: boolean;
  /** Claude Code; the newest of the dev dependencies if nothing is said. */
  client?: string;
}

/** No honest run of the client takes as long. */
const deadlineMs = 240_000;

/** Rejects when the client fails: what it did not do cannot be compared. */
export async function claudeCodeSession(options: ClaudeCodeOptions): Promise<Report> {
  const { model, steps, whole = false, client = claudeBinary() } = options;
  await using temp = await createTemp();
  const directory = join(temp.path, "project");
  await mkdir(directory);
  const script: Scenario = work({ directory, ...(whole ? { delegateAt: 5 } : {}) });
  await using session = await startSession({ ...options, script });

  const env = testEnv(temp.home, {
    NODE_ENV: undefined,
    ANTHROPIC_BASE_URL: session.url,
    ANTHROPIC_AUTH_TOKEN: "none",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    // Root may skip its permissions only where it says that it is in a sandbox.
    IS_SANDBOX: "1",
  });
  const run = async (text: string, ...more: string[]): Promise<string> => {
    const flags = ["--model", model, "--output-format", "json", "--dangerously-skip-permissions"];
    const child = Bun.spawn([client, "-p", text, ...flags, ...more], {
      cwd: directory,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: deadlineMs,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (code === 0) return stdout;
    const { said } = session.report();
    throw new Error(`Claude Code ended with ${child.signalCode ?? code}: ${stdout.slice(-1500)}${stderr}\n${said}`);
  };
  const id = crypto.randomUUID();
  const half = Math.ceil(steps / 2);
  const runs: Array<[string, ...string[]]> = whole
    ? [
        [prompt(half), "--session-id", id],
        ["/compact", "--resume", id],
        [prompt(steps), "--resume", id],
      ]
    : [[prompt(steps), "--session-id", id]];
  let printed = "";
  for (const [text, ...more] of runs) printed = await run(text, ...more);
  if (!printed.includes(`All steps up to ${steps} are done.`)) throw new Error(`The steps were not done: ${printed}`);
  return session.report();
}
