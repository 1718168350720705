/** Starts our server as a user does: as a process, from the source or as the built binary. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Simulator } from "../../src/demo/simulator.ts";
import { type CliVersion, claudeBinary, cliVersions } from "./claude.ts";
import { testEnv } from "./env.ts";
import { processesAtHome } from "./processes.ts";
import { createTemp, type Temp } from "./temp.ts";

export type Target = "source" | "binary";

export interface OcpOptions {
  target: Target;
  /** Added to the environment; undefined takes a variable out of it. */
  env?: Record<string, string | undefined>;
  /** After `serve --port 0`. */
  args?: string[];
  /** Leaves the port to the environment. */
  portByEnvironment?: boolean;
  /** The API that the CLI talks to. */
  simulator?: Simulator;
  cli?: CliVersion;
  /** With a home to start in, instead of a new one. It outlives the server. */
  temp?: Temp;
}

export interface Ocp extends AsyncDisposable {
  url: string;
  pid: number;
  home: string;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves once this is on stderr, rejects when the server ends without it: its report comes after its URL. */
  said(text: string): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
  /** SIGKILL to the server alone; resolves when it is gone. */
  kill(): Promise<void>;
}

const root = join(import.meta.dir, "..", "..");
const startDeadlineMs = 20_000;

/** Both; OCP_TEST_TARGETS ("source" or "binary") narrows it. For `describe.each(targets())`. */
export function targets(): Target[] {
  const all: Target[] = ["source", "binary"];
  const wanted = process.env.OCP_TEST_TARGETS?.split(",");
  return wanted ? all.filter((target) => wanted.includes(target)) : all;
}

/** Both targets with the newest CLI, and the source with the oldest: what a CLI does is no matter of the target. */
export function matrix(): Array<{ target: Target; cli: CliVersion; name: string }> {
  const combinations = targets().flatMap((target) => cliVersions.map((cli) => ({ target, cli })));
  return combinations
    .filter(({ target, cli }) => cli === "newest" || target === "source")
    .map((each) => ({ ...each, name: `${each.target}, ${each.cli} CLI` }));
}

/** argv of the target. Throws when the binary is not built. */
export function ocpCommand(target: Target): string[] {
  if (target === "source") return [process.execPath, join(root, "src", "main.ts")];
  const binary = join(root, "dist", "ocp");
  if (!existsSync(binary)) throw new Error('dist/ocp is missing. Run "bun run build" first.');
  return [binary];
}

/**
 * Resolves when the server listens: it then writes its URL as the one line on stdout. Rejects with what it said when
 * it exits before. Disposing of it ends all that it started and removes its home.
 */
export async function startOcp(options: OcpOptions): Promise<Ocp> {
  const command = ocpCommand(options.target);
  const temp = options.temp ?? (await createTemp());
  const port = options.portByEnvironment ? [] : ["--port", "0"];
  const child = Bun.spawn([...command, "serve", ...port, ...(options.args ?? [])], {
    cwd: temp.path,
    env: testEnv(temp.home, {
      CLAUDE_BIN: claudeBinary(options.cli),
      CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-test",
      OCP_UPSTREAM_URL: options.simulator?.url,
      // Tests ask the same again and again, and most want each turn to begin with nothing.
      OCP_REPEAT_LIMIT: "0",
      OCP_SPARES: "0",
      OCP_LIVE_MAX: "0",
      ...options.env,
    }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);

  try {
    const url = await firstLine(stdout, child.exited, stderr);
    return {
      url,
      pid: child.pid,
      home: temp.home,
      stdout: stdout.text,
      stderr: stderr.text,
      async said(text) {
        await Promise.race([stderr.until((all) => all.includes(text)), stderr.ended]);
        if (!stderr.text().includes(text)) throw new Error(`The server ended and did not say ${JSON.stringify(text)}.`);
      },
      async stop() {
        child.kill("SIGTERM");
        return child.exited;
      },
      async kill() {
        child.kill("SIGKILL");
        await child.exited;
      },
      [Symbol.asyncDispose]: () => dispose(child, temp, options),
    };
  } catch (error) {
    await dispose(child, temp, options);
    throw error;
  }
}

async function firstLine(stdout: Collected, exited: Promise<number>, stderr: Collected) {
  const line = stdout.until((text) => text.includes("\n")).then(() => stdout.text().split("\n")[0] ?? "");
  const exit = exited.then(async (code) => {
    await stderr.ended;
    throw new Error(`The server exited with ${code} before it listened:\n${stderr.text()}`);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The server does not listen after ${startDeadlineMs} ms:\n${stderr.text()}`)),
      startDeadlineMs,
    );
  });
  // The process ends sooner or later, which is no failure once it has listened.
  exit.catch(() => {});
  const url = await Promise.race([line, exit, late]).finally(() => clearTimeout(timer));
  if (!/^http:\/\/\S+:\d+$/.test(url)) throw new Error(`The first line on stdout is no URL: ${JSON.stringify(url)}`);
  return url;
}

interface Collected {
  text(): string;
  /** Resolves once the text so far satisfies the condition; never when the stream ends before. */
  until(condition: (text: string) => boolean): Promise<void>;
  ended: Promise<void>;
}

function collect(stream: ReadableStream<Uint8Array>): Collected {
  let text = "";
  let waiting: Array<{ condition: (text: string) => boolean; resolve: () => void }> = [];
  async function read() {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      const due = waiting.filter((one) => one.condition(text));
      waiting = waiting.filter((one) => !due.includes(one));
      for (const one of due) one.resolve();
    }
  }
  return {
    text: () => text,
    until: (condition) =>
      condition(text) ? Promise.resolve() : new Promise((resolve) => waiting.push({ condition, resolve })),
    ended: read(),
  };
}

async function dispose(child: Bun.Subprocess, temp: Temp, options: OcpOptions): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
  for (const { pid } of processesAtHome(temp.home)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
  if (options.temp === undefined) await temp.remove();
}
