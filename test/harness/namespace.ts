/** A network of a test's own: nothing but loopback, and a LAN whose addresses are all this machine's. Linux only. */

/** Every address in it may be listened on and called from. */
export const lan = "10.77.0.0/16";

const setUp = `ip link set lo up && ip route add local ${lan} dev lo && exec "$@"`;

/** Whether this system can have such a network at all; where it can, that it cannot be made is a failure. */
export const hasNamespaces = process.platform === "linux";

/**
 * Runs a program in a network of its own, which ends with it, and resolves with what it wrote to stdout. Rejects with
 * what it wrote to stderr when it fails.
 */
export async function runInNamespace(argv: readonly string[], env: Record<string, string>): Promise<string> {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const child = Bun.spawn(["unshare", "--net", ...user, "sh", "-c", setUp, "sh", ...argv], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
