/**
 * Installs the Debian packages of what the tests need: as root, where apt-get is. `bun scripts/system-packages.ts`
 * exits with 1 when something is missing then. It imports no package.
 */

import { missingOf, type RequirementName, requirementNames, requirements } from "./requirements.ts";

/** Over the length of any download that gets on. Ms. */
const longestRun = 15 * 60_000;

export interface Installer {
  missing(): RequirementName[];
  /** Resolves with whether it succeeded. */
  aptGet(args: string[]): Promise<boolean>;
  isRoot: boolean;
  hasAptGet: boolean;
}

/** Resolves with the requirements for which there is a package and which are still not met. */
export async function installSystemPackages({ missing, aptGet, isRoot, hasAptGet }: Installer) {
  const packages = packagesOf(missing());
  if (packages.length === 0 || !isRoot || !hasAptGet) return missing();
  console.error(`Installing what the tests need: ${packages.join(" ")}`);
  // Lists that are there already may do.
  await aptGet(["update"]);
  const install = (names: string[]) => aptGet(["install", "-y", "--no-install-recommends", ...names]);
  if (!(await install(packages))) {
    // One that this system does not have would keep out the others.
    for (const name of packages) await install([name]);
  }
  return missing();
}

/** The packages that bring these, each once. */
export function packagesOf(names: readonly RequirementName[]): string[] {
  return [...new Set(names.flatMap((name) => requirements[name].package ?? []))].sort();
}

/** This machine's own. */
export const systemInstaller: Installer = {
  missing: () => missingOf(requirementNames.filter((name) => requirements[name].package !== null)),
  async aptGet(args) {
    const options = ["-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::http::Timeout=20"];
    const child = Bun.spawn(["apt-get", ...options, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdin: "ignore",
      stdout: 2,
      stderr: 2,
      timeout: longestRun,
    });
    return (await child.exited) === 0;
  },
  isRoot: process.getuid?.() === 0,
  hasAptGet: Bun.which("apt-get") !== null,
};

if (import.meta.main) {
  const missing = await installSystemPackages(systemInstaller);
  if (missing.length > 0) {
    console.error(
      `Missing: ${missing.join(", ")}. As root on Debian: apt-get install ${packagesOf(missing).join(" ")}`,
    );
    process.exitCode = 1;
  }
}
