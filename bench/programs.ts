/** Starts the servers that are measured, each in a home of its own, and ends them and all that they started. */

import { testEnv } from "../test/harness/env.ts";
import { processesAtHome } from "../test/harness/processes.ts";
import { createTemp } from "../test/harness/temp.ts";

export interface Program extends AsyncDisposable {
  /** What it wrote as its first line on stdout: where it listens. */
  url: string;
  pid: number;
  /** Ms from the spawn to that line. */
  listeningAfter: number;
}

export interface ProgramOptions {
  argv: string[];
  env?: Record<string, string>;
  /** Takes what the program, a Bun script, sends over its channel. */
  onMessage?: (message: unknown) => void;
}

export interface Programs extends AsyncDisposable {
  /** Rejects when the program ends before it listens. */
  start(options: ProgramOptions): Promise<Program>;
}

/** Disposing of it ends every program that still runs, and none starts after it. */
export function createPrograms(): Programs {
  const running = new Set<Program>();
  let isDisposed = false;

  async function start({ argv, env, onMessage }: ProgramOptions): Promise<Program> {
    if (isDisposed) throw new Error("The figure has ended.");
    const temp = await createTemp();
    const began = performance.now();
    const child = Bun.spawn(argv, {
      cwd: temp.path,
      // NODE_ENV=test would make our server look up the real home first, which is no part of a start.
      env: testEnv(temp.home, { NODE_ENV: undefined, ...env }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      ...(onMessage === undefined ? {} : { ipc: onMessage }),
    });
    const program: Program = {
      url: "",
      pid: child.pid,
      listeningAfter: Number.NaN,
      async [Symbol.asyncDispose]() {
        running.delete(program);
        child.kill("SIGKILL");
        await child.exited;
        for (const { pid } of processesAtHome(temp.home)) kill(pid);
        await temp.remove();
      },
    };
    running.add(program);
    const line = await firstLine(child.stdout);
    program.listeningAfter = performance.now() - began;
    program.url = line;
    if (line.startsWith("http://")) return program;
    await program[Symbol.asyncDispose]();
    throw new Error(`${argv.join(" ")} ended before it listened.`);
  }

  return {
    start,
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      await Promise.all([...running].map((program) => program[Symbol.asyncDispose]()));
    },
  };
}

/** Up to the line's end, or to the end of the stream. The rest of the stream is not read. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
