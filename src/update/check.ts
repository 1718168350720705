/** Whether there is a newer release than this binary. */

import type { Build } from "../config/build.ts";
import type { Environment } from "../config/load.ts";
import { OcpError } from "../core/errors.ts";
import { newest } from "./manifest.ts";
import { createReleaseServer, type ReleaseServer } from "./server.ts";

/** What is known of newer releases; `problem` says why nothing is. */
export interface UpdateCheck {
  current: string;
  /** Null: not known. */
  latest: string | null;
  /** Whether `latest` is newer. */
  available: boolean;
  problem: string | null;
}

/** Throws OcpError not_ready when this build trusts no releases, or knows of no place for them. */
export function releaseServerOf({ releaseKey, releaseUrl }: Build, env: Environment): ReleaseServer {
  const url = env.OCP_UPDATE_URL || releaseUrl;
  if (releaseKey === null) {
    throw new OcpError(
      "not_ready",
      "This ocp is no release: it has no key to trust one by. Build and install the new version as you did this one.",
    );
  }
  if (!url) throw new OcpError("not_ready", "This ocp knows of no release server. Name one with OCP_UPDATE_URL.");
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new OcpError("invalid_request", "OCP_UPDATE_URL must be an http or https URL.");
  }
  return createReleaseServer({ url, key: releaseKey });
}

/** Never rejects. */
export async function checkForUpdate(build: Build, env: Environment): Promise<UpdateCheck> {
  const current = build.version;
  try {
    const latest = newest(await releaseServerOf(build, env).releases())?.version ?? null;
    return { current, latest, available: latest !== null && Bun.semver.order(latest, current) > 0, problem: null };
  } catch (error) {
    const problem = error instanceof OcpError ? error.message : "It cannot be found out.";
    return { current, latest: null, available: false, problem };
  }
}
