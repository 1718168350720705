/** Namespaces of a test's own, for `needs("network namespaces", "ip")` and `needs("mount namespaces")`. */

import { asRoot } from "../../scripts/requirements.ts";

/** Every address in it may be listened on and called from. */
export const lan = "10.77.0.0/16";

const setUp = `ip link set lo up && ip route add local ${lan} dev lo && exec "$@"`;

/** Before `sh -c ...`, which may then mount what it likes where it likes; nobody else sees it. */
export const withOwnMounts = ["unshare", "--mount", ...asRoot];

/**
 * Runs a program in a network of its own, which ends with it: nothing but loopback, and a LAN whose addresses are all
 * this machine's. `timeout`: ms. Resolves with what it wrote to stdout, rejects with what it wrote to stderr when it fails.
 */
export async function runInNamespace(
  argv: readonly string[],
  env: Record<string, string>,
  timeout = 120_000,
): Promise<string> {
  const child = Bun.spawn(["unshare", "--net", ...asRoot, "sh", "-c", setUp, "sh", ...argv], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
