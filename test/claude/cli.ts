/** One `claude` process driven by hand, to see what the CLI itself does: for the contract tests. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClaudeProcess, spawnClaude } from "../../src/claude/process.ts";
import type { CliFrame, HostFrame, HostRequest, ResultFrame } from "../../src/claude/protocol.ts";
import { userFrame } from "../../src/claude/protocol.ts";
import { type Identity, recipe } from "../../src/claude/recipe.ts";
import { type Simulator, startSimulator } from "../../src/demo/simulator.ts";
import { type CliVersion, claudeBinary } from "../harness/claude.ts";
import { createTemp } from "../harness/temp.ts";

export interface Cli extends AsyncDisposable {
  readonly pid: number;
  readonly scratch: string;
  readonly simulator: Simulator;
  readonly frames: readonly CliFrame[];
  send(frame: HostFrame): void;
  request(request: HostRequest): Promise<any>;
  say(text: string): void;
  startedWith: ClaudeProcess["startedWith"];
  /** The next result after those that were waited for before. */
  result(): Promise<ResultFrame & { result?: string; api_error_status?: number | null; terminal_reason?: string }>;
  /** What went up so far as messages, the CLI's own reminders and marks taken out. */
  upstream(): Array<{ body: any; headers: Record<string, string> }>;
  end(): void;
  kill(): void;
  readonly exited: Promise<unknown>;
}

export interface CliOptions {
  version: CliVersion;
  model?: string;
  /** Changes to the recipe's environment; undefined takes a switch out. */
  env?: Record<string, string | undefined>;
  token?: string | null;
  /** The text of a login file in the owner's home, which the process then runs in. */
  login?: string;
  /** The text of the `.claude.json` in its home. */
  configuration?: string;
}

export async function startCli({
  version,
  model = "claude-sonnet-4-6",
  env = {},
  token,
  login,
  configuration,
}: CliOptions): Promise<Cli> {
  const temp = await createTemp();
  const scratch = join(temp.home, "scratch");
  mkdirSync(scratch);
  if (login !== undefined) {
    mkdirSync(join(temp.home, ".claude"));
    writeFileSync(join(temp.home, ".claude", ".credentials.json"), login);
  }
  if (configuration !== undefined) writeFileSync(join(scratch, ".claude.json"), configuration);
  const simulator = startSimulator();
  const identity: Identity =
    token === null || login !== undefined
      ? { kind: "real-home", home: temp.home }
      : { kind: "isolated", home: scratch, token: token ?? "sk-ant-oat01-contract" };
  const plan = recipe({
    bin: claudeBinary(version),
    model,
    identity,
    scratch,
    hostTools: null,
    temporary: join(scratch, "tmp"),
    upstreamUrl: simulator.url,
    environment: { PATH: process.env.PATH },
  });
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) delete plan.env[name];
    else plan.env[name] = value;
  }
  const child = spawnClaude(plan);
  const frames: CliFrame[] = [];
  const results: ResultFrame[] = [];
  const waiting: Array<(result: ResultFrame) => void> = [];
  child.listen({
    frame(frame) {
      frames.push(frame);
      if (frame.type !== "result") return;
      const next = waiting.shift();
      if (next) next(frame);
      else results.push(frame);
    },
    exit() {},
  });

  return {
    pid: child.pid,
    scratch,
    simulator,
    frames,
    send: child.send,
    request: child.request,
    startedWith: child.startedWith,
    say: (text) => child.send(userFrame([{ type: "text", text }], true)),
    result: () => {
      const known = results.shift();
      return (known ? Promise.resolve(known) : new Promise((resolve) => waiting.push(resolve))) as any;
    },
    upstream: () =>
      simulator.requests
        .filter(({ method, path }) => method === "POST" && path === "/v1/messages")
        .map(({ body, headers }) => ({ body, headers })),
    end: child.end,
    kill: child.kill,
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      await simulator.stop();
      await temp.remove();
    },
  };
}

/** The texts of a message that went up, without the CLI's reminders. */
export function textsOf(message: any): string[] {
  const blocks = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
  return blocks
    .filter((block: any) => block.type === "text")
    .map((block: any) => block.text.replace(/<system-reminder>[\s\S]*?<\/system-reminder>\s*/g, ""))
    .filter((text: string) => text !== "");
}
