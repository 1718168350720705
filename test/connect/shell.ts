/** A user at a shell in a home of their own. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Outcome } from "../cli/run.ts";
import { testEnv } from "../harness/env.ts";
import { ocpCommand, type Target } from "../harness/ocp.ts";
import { createTemp, type Temp } from "../harness/temp.ts";

export interface User extends AsyncDisposable {
  home: string;
  temp: Temp;
  run(args: readonly string[], env?: Record<string, string | undefined>): Promise<Outcome>;
  /** Types each answer when its question is on the screen; resolves with the code and all that was on it. */
  type(args: readonly string[], answers: ReadonlyArray<[question: string, answer: string]>): Promise<Outcome>;
  put(file: string, text: string): void;
}

/** Without the programs of our dev dependencies, which a package manager puts there: `claude` is one of them. */
export const plainPath = (process.env.PATH ?? "")
  .split(":")
  .filter((directory) => !directory.includes("node_modules"))
  .join(":");

export async function createUser(target: Target): Promise<User> {
  const temp = await createTemp();
  const { home } = temp;
  const base = { SHELL: "/bin/bash", PATH: plainPath };
  return {
    home,
    temp,
    async run(args, env = {}) {
      const child = Bun.spawn([...ocpCommand(target), ...args], {
        cwd: temp.path,
        env: testEnv(home, { ...base, ...env }),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout: 60_000,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { code, stdout, stderr };
    },
    async type(args, answers) {
      let screen = "";
      const left = [...answers];
      const child = Bun.spawn([...ocpCommand(target), ...args], {
        cwd: temp.path,
        env: testEnv(home, { ...base, TERM: "xterm" }),
        timeout: 60_000,
        killSignal: "SIGKILL",
        terminal: {
          cols: 120,
          rows: 200,
          data(terminal, bytes) {
            screen += new TextDecoder().decode(bytes);
            const [next] = left;
            if (next === undefined || !screen.includes(next[0])) return;
            left.shift();
            terminal.write(`${next[1]}\r`);
          },
        },
      });
      const code = await child.exited;
      return { code, stdout: screen, stderr: left.map(([question]) => `never asked: ${question}`).join("\n") };
    },
    put(file, text) {
      const path = join(home, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    },
    [Symbol.asyncDispose]: () => temp.remove(),
  };
}
