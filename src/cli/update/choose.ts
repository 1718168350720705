/** Which release `ocp update` takes of the list, and why it may take none. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { build } from "../../config/build.ts";
import { OcpError } from "../../core/errors.ts";
import type { Place } from "../../update/apply.ts";
import { standing } from "../../update/check.ts";
import { createListDates } from "../../update/list-dates.ts";
import { newest, type Release, type ReleaseList } from "../../update/manifest.ts";
import type { ReleaseServer } from "../../update/server.ts";
import { type Host, write } from "../output.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** Throws OcpError when the list is older than one that was seen, unless a version of it is named. */
export async function freshList(from: ReleaseServer, args: Arguments, host: Host, place: Place): Promise<ReleaseList> {
  const list = await from.list();
  const dates = createListDates(place.data, build, Date.now);
  const objection = dates.objection(list.date, from.url);
  if (objection === null) {
    if (args["dry-run"] !== true) await warn(dates.record(list.date), host);
  } else if (args.target === undefined) {
    throw new OcpError(
      "upstream_failed",
      `${objection} Nothing was changed. Try again later, or name another server with OCP_UPDATE_URL; to install a version of this list all the same, name it: ocp update --target VERSION`,
    );
  } else {
    await warn(`${objection} It is used because you named a version.`, host);
  }
  return list;
}

export async function warn(sentence: string | null, host: Host): Promise<void> {
  if (sentence !== null) await write(host, host.stderr, `ocp: ${sentence}\n`);
}

/** True also where the release has none for this platform. */
export async function isReleased(binary: string, release: Release, target: string): Promise<boolean> {
  const expected = release.assets[target]?.binary.sha256;
  if (expected === undefined) return true;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(binary)) hash.update(chunk as Buffer);
  return hash.digest("hex") === expected;
}

export function whyNothing({ version, binary }: Place, newer: Release, isNamed: boolean, isRebuilt: boolean): string {
  if (isNamed) return `OCP ${version} is installed already.`;
  const sentence = `OCP ${standing({ current: version, latest: newer.version })}`;
  if (newer.version !== version) return `${sentence} To go to that: ocp update --target ${newer.version}`;
  if (!isRebuilt) return sentence;
  return `OCP ${version} is the newest, but ${binary} has another checksum than that release. To install the release: ocp update --target ${version}`;
}

/** The release that is wanted, or the newest that is no preview. Throws OcpError not_found. */
export function choose(releases: readonly Release[], wanted: unknown): Release {
  const found =
    wanted === undefined
      ? newest(releases)
      : releases.find(({ version }) => version === String(wanted).replace(/^v/, ""));
  if (found) return found;
  const known = releases.map(({ version }) => version).slice(0, 10);
  throw new OcpError(
    "not_found",
    wanted === undefined
      ? "There is no release yet."
      : `There is no release ${String(wanted)}. There are: ${known.join(", ") || "none"}.`,
  );
}
