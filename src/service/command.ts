/** Runs another program to its end: how OCP asks systemctl, launchctl and their like. */

export interface Outcome {
  /** Null: it could not be started, or did not end in time. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** argv, and at most so many ms (10 s when not said). Never rejects. */
export type Run = (argv: readonly string[], timeoutMs?: number) => Promise<Outcome>;

/** `env` is all that the programs get. */
export function createRun(env: Readonly<Record<string, string | undefined>>): Run {
  return async (argv, timeout = 10_000) => {
    try {
      const child = Bun.spawn([...argv], {
        env: env as Record<string, string>,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        timeout,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      return { code: child.exitCode, stdout, stderr };
    } catch (error) {
      return { code: null, stdout: "", stderr: (error as Error).message };
    }
  };
}
