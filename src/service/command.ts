/** Runs another program to its end: how OCP asks systemctl, launchctl and their like. */

export interface Outcome {
  /** Null: it could not be started, or did not end in time. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Ms; 10 s when not said. */
  timeout?: number;
  /** What the program reads; nothing when not said. */
  input?: string;
}

/** Bytes that a program may write before it is ended; a crontab or a list of units has a thousandth of it. */
const mostOutput = 8 * 1024 * 1024;

/** Never rejects. */
export type Run = (argv: readonly string[], options?: RunOptions) => Promise<Outcome>;

/** `env` is all that the programs get. */
export function createRun(env: Readonly<Record<string, string | undefined>>): Run {
  return async (argv, { timeout = 10_000, input } = {}) => {
    try {
      const child = Bun.spawn([...argv], {
        env: env as Record<string, string>,
        stdin: input === undefined ? "ignore" : new Blob([input]),
        stdout: "pipe",
        stderr: "pipe",
        timeout,
        maxBuffer: mostOutput,
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

/** What a failed command said, on one line. */
export function complaint({ stderr, stdout, code }: Outcome): string {
  const said = (stderr.trim() || stdout.trim()).replace(/\s+/g, " ").slice(0, 300);
  return said || (code === null ? "it could not be run" : `exit code ${code}`);
}
