/**
 * Everything that the tests need of the system beside Bun and the packages of package.json: the one list, for
 * `bun run test`, `.ci/run` and the tests themselves (`test/harness/needs.ts`). It imports no package.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../test/clients/agents.ts";
import { programOf } from "../test/clients/installed.ts";

export interface Requirement {
  /** The Debian package that brings it; null where no package does. */
  package: string | null;
  /** Advice for the reader where no package brings it. */
  remedy?: string;
  isMet(): boolean;
}

const program = (name: string, brings = name): Requirement => ({
  package: brings,
  isMet: () => Bun.which(name) !== null,
});

const root = join(import.meta.dir, "..");

/** An agent of `test/clients/agents.ts`. */
const agent = (name: string): Requirement => ({
  package: null,
  remedy: "`bun run clients` installs it",
  isMet: () => agents.some((one) => one.name === name && existsSync(programOf(one))),
});
const isRoot = process.getuid?.() === 0;

/** The names under which systems install Chromium. */
export const browsers = ["chromium", "chromium-browser", "google-chrome"];

/** The first browser that starts: on Ubuntu one of these names is a script that says where to get it. */
export const browserPath = (): string | null =>
  browsers.map((name) => Bun.which(name)).find((path) => path !== null && succeeds([path, "--version"])) ?? null;

/** Arguments of `unshare` for a namespace with root in it, which a user who is not root must ask for. */
export const asRoot: readonly string[] = isRoot ? [] : ["--map-root-user"];

const all = {
  bash: program("bash"),
  busybox: program("busybox"),
  chromium: { package: "chromium", isMet: () => browserPath() !== null },
  curl: program("curl"),
  dash: program("dash"),
  fish: program("fish"),
  git: program("git"),
  ip: program("ip", "iproute2"),
  openssl: program("openssl"),
  ps: program("ps", "procps"),
  /** The tests start the system's own Python, which is the one that the package serves. */
  "python3-yaml": { package: "python3-yaml", isMet: () => succeeds(["/usr/bin/python3", "-c", "import yaml"]) },
  qemu: {
    package: "qemu-user",
    isMet: () => ["qemu-x86_64", "qemu-aarch64"].every((name) => Bun.which(name) !== null),
  },
  /** The C libraries that emulated programs load; a machine has its own. */
  "arm64 libraries": {
    package: "libc6-arm64-cross",
    isMet: () => process.arch === "arm64" || existsSync("/usr/aarch64-linux-gnu"),
  },
  "x64 libraries": {
    package: "libc6-amd64-cross",
    isMet: () => process.arch === "x64" || existsSync("/usr/x86_64-linux-gnu"),
  },
  shellcheck: program("shellcheck"),
  "ssh-keygen": program("ssh-keygen", "openssh-client"),
  /** Containers may have it and not allow it. */
  strace: { package: "strace", isMet: () => succeeds(["strace", "-o", "/dev/null", "true"]) },
  systemd: {
    package: "systemd",
    isMet: () => existsSync("/usr/lib/systemd/systemd") && Bun.which("systemd-analyze") !== null,
  },
  unshare: program("unshare", "util-linux"),
  zsh: program("zsh"),
  opencode: agent("opencode"),
  kilo: agent("kilo"),
  codex: agent("codex"),
  continue: agent("continue"),
  cline: agent("cline"),
  openclaw: agent("openclaw"),
  "the emulated binaries": {
    package: null,
    remedy: "`bun run test` builds them where qemu is and the npm registry is in reach",
    isMet: () => ["x64", "arm64"].every((arch) => existsSync(join(root, "dist", `ocp-linux-${arch}`))),
  },
  Linux: { package: null, remedy: "run them on Linux", isMet: () => process.platform === "linux" },
  root: { package: null, remedy: "run them as root", isMet: () => isRoot },
  "mount namespaces": {
    package: null,
    remedy: "run them as root, or where users may make namespaces",
    isMet: () => succeeds(["unshare", "--mount", ...asRoot, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]),
  },
  "network namespaces": {
    package: null,
    remedy: "run them as root, or where users may make namespaces",
    isMet: () => succeeds(["unshare", "--net", ...asRoot, "true"]),
  },
} satisfies Record<string, Requirement>;

export type RequirementName = keyof typeof all;

export const requirements: Readonly<Record<RequirementName, Requirement>> = all;
export const requirementNames = Object.keys(all) as RequirementName[];

/** The names of the requirements that are not met here. */
export function missingOf(names: readonly RequirementName[]): RequirementName[] {
  return names.filter((name) => !requirements[name].isMet());
}

function succeeds(argv: string[]): boolean {
  try {
    const { exitCode } = Bun.spawnSync(argv, {
      env: { PATH: process.env.PATH, HOME: "/nonexistent", LANG: "C.UTF-8" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      timeout: 20_000,
      killSignal: "SIGKILL",
    });
    return exitCode === 0;
  } catch {
    // No such program.
    return false;
  }
}
