/** Whether there is a newer release than this binary. */

import type { Build } from "../config/build.ts";
import type { Environment } from "../config/load.ts";
import { OcpError } from "../core/errors.ts";
import type { ListDates } from "./list-dates.ts";
import { newest } from "./manifest.ts";
import { createReleaseServer, type ReleaseServer } from "./server.ts";

/** What is known of newer releases; `problem` says why nothing is. */
export interface UpdateCheck {
  current: string;
  /** Null: not known. */
  latest: string | null;
  /** Whether `latest` is newer. */
  available: boolean;
  /** ISO 8601. A list that stays the same for long may be all that somebody lets through. Null: none was read. */
  listDate: string | null;
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

/** How `current` stands to the newest release, where that is not newer; without a subject before it. */
export function standing({ current, latest }: Pick<UpdateCheck, "current" | "latest">): string {
  const isNewest = latest === null || latest === current;
  return isNewest ? `${current} is the newest.` : `${current} is newer than the newest release, ${latest}.`;
}

/** Does not keep the list's date. Never rejects. */
export async function checkForUpdate(build: Build, env: Environment, dates: ListDates): Promise<UpdateCheck> {
  const current = build.version;
  const nothing = { current, latest: null, available: false, listDate: null };
  try {
    const server = releaseServerOf(build, env);
    const list = await server.list();
    const objection = dates.objection(list.date, server.url);
    if (objection !== null) return { ...nothing, problem: objection };
    const latest = newest(list.releases)?.version ?? null;
    const available = latest !== null && Bun.semver.order(latest, current) > 0;
    return { current, latest, available, listDate: list.date.toISOString(), problem: null };
  } catch (error) {
    return { ...nothing, problem: error instanceof OcpError ? error.message : "It cannot be found out." };
  }
}
