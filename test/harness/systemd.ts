/**
 * A user's systemd of a test's own, in a mount, process, network and control group namespace that ends with it; for
 * `needs(...requiredForSystemd)`.
 */

import type { RequirementName } from "../../scripts/requirements.ts";

const manager = "/usr/lib/systemd/systemd";

export const requiredForSystemd: RequirementName[] = [
  "root",
  "systemd",
  "ip",
  "mount namespaces",
  "network namespaces",
];

/** systemd asks for a system that it has booted, and for a place to keep its socket. */
const setUp = `
set -e
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
chmod 700 /run/user/0
export XDG_RUNTIME_DIR=/run/user/0
${manager} --user >"$HOME/systemd.log" 2>&1 &
manager=$!
tries=0
until systemctl --user show --property=Version >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || { cat "$HOME/systemd.log" >&2; exit 1; }
  sleep 0.05
done
code=0
"$@" || code=$?
systemctl --user exit >/dev/null 2>&1 || true
wait "$manager" || true
exit "$code"
`;

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program beside it; `env` must hold HOME and PATH. */
export async function runBesideSystemd(argv: readonly string[], env: Record<string, string>): Promise<Ended> {
  const namespaces = ["--mount", "--pid", "--fork", "--mount-proc", "--cgroup", "--net", "--kill-child"];
  const child = Bun.spawn(["unshare", ...namespaces, "sh", "-c", setUp, "sh", ...argv], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
