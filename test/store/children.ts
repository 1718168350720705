/** Starts child.ts in an environment of its own. */

import { join } from "node:path";
import { testEnv } from "../harness/env.ts";

export interface Child extends AsyncDisposable {
  pid: number;
  /** What it said so far, complete lines only. */
  lines(): string[];
  /** Resolves once it has said that many lines; rejects when it ends before. */
  said(count: number): Promise<void>;
  kill(): Promise<void>;
  /** Resolves with the exit code, or null when it was killed, after all that it said was read. */
  exited: Promise<number | null>;
  stderr(): Promise<string>;
}

/** `prefix` is put before the command: what runs it in another environment. */
export function startChild(
  temp: { path: string; home: string },
  job: string,
  argument = "",
  prefix: readonly string[] = [],
): Child {
  const script = join(import.meta.dir, "child.ts");
  const process = Bun.spawn([...prefix, globalThis.process.execPath, script, job, temp.path, argument], {
    cwd: temp.path,
    env: testEnv(temp.home),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let text = "";
  let waiting: Array<{ count: number; resolve: () => void; reject: (error: Error) => void }> = [];
  const lines = () => text.split("\n").slice(0, -1);
  const settle = () => {
    const count = lines().length;
    for (const one of waiting.filter((each) => each.count <= count)) one.resolve();
    waiting = waiting.filter((each) => each.count > count);
  };
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      settle();
    }
    for (const { reject } of waiting) reject(new Error(`The child said no more than: ${text}`));
  })();
  const stderr = process.stderr.text();
  const exited = Promise.all([process.exited, read]).then(() => process.exitCode);
  return {
    pid: process.pid,
    lines,
    said: (count) =>
      new Promise((resolve, reject) => {
        waiting.push({ count, resolve, reject });
        settle();
      }),
    async kill() {
      process.kill("SIGKILL");
      await exited;
    },
    exited,
    stderr: () => stderr,
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await exited;
    },
  };
}
