/** `ocp update`: a newer version, or an older one again. */

import { basename, join } from "node:path";
import { build } from "../../config/build.ts";
import { takeLock } from "../../config/lock.ts";
import { resolvePaths } from "../../config/paths.ts";
import { OcpError } from "../../core/errors.ts";
import { createRun } from "../../service/command.ts";
import { applyRelease, goBack, type Place } from "../../update/apply.ts";
import { checkForUpdate, releaseServerOf, standing } from "../../update/check.ts";
import { createListDates, listAge } from "../../update/list-dates.ts";
import { newest, type Release } from "../../update/manifest.ts";
import { readMarker, removeMarker } from "../../update/marker.ts";
import { type Snapshot, snapshotsIn } from "../../update/snapshot.ts";
import { confirm } from "../confirm.ts";
import { keepsOpenClaw } from "../openclaw/drift.ts";
import { columns, exitCodes, type Host, usageError, write } from "../output.ts";
import { ownUrl } from "../remote.ts";
import { lookForServer } from "../service/answering.ts";
import { choose, freshList, isReleased, warn, whyNothing } from "./choose.ts";
import { placeOf, surroundings } from "./place.ts";

type Arguments = Readonly<Record<string, unknown>>;

export async function update(args: Arguments, host: Host): Promise<number> {
  demandSense(args);
  if (args.check === true) return check(args, host);
  if (args.rollback === true) return args.list === true ? list(args, host) : rollback(args, host);

  const from = releaseServerOf(build, host.env);
  const place = placeOf(host);
  const { releases } = await freshList(from, args, host, place);
  const release = choose(releases, args.target);
  const target = build.target ?? "unknown";
  const isNamed = args.target !== undefined;
  const isOlder = Bun.semver.order(release.version, place.version) < 0;
  const isRebuilt = release.version === place.version && !(await isReleased(place.binary, release, target));
  /** Of the version that is there: what remains is to end an update that was interrupted. */
  const stays = isNamed
    ? release.version === place.version && !isRebuilt
    : isOlder || release.version === place.version;
  if (stays && readMarker(place.data) === null) {
    const outcome = {
      from: place.version,
      to: place.version,
      changed: false,
      latest: newest(releases)?.version ?? null,
    };
    return tell(args, host, outcome, whyNothing(place, release, isNamed, isRebuilt));
  }
  if (args["dry-run"] === true) return await plan(args, host, place, release, target);

  const question = isRebuilt
    ? `Replace this OCP ${place.version} by the ${release.version} of the list, which has another checksum?`
    : `Replace OCP ${place.version} by ${isOlder ? "the older " : ""}${release.version}?`;
  if (!stays && !(await confirm(question, args.yes === true, host))) return exitCodes.failure;
  const installed = stays ? place.version : release.version;
  const unlock = takeLock(join(place.data, "update.lock"), "ocp update");
  try {
    const around = await surroundings(host, place);
    if (stays) {
      await finish(place, around);
    } else {
      await applyRelease(release, target, from, place, around);
    }
    const advice =
      around.server === null && (await lookForServer(ownUrl(host))) !== null
        ? " A server that no service runs still answers as it was: restart it."
        : "";
    return await tell(
      args,
      host,
      { from: place.version, to: installed, changed: true },
      `OCP ${installed} is installed.${advice}${await openclawAdvice(place.binary, host)}`,
    );
  } finally {
    unlock();
  }
}

/** What the version that is there now says of OpenClaw, which it only looks at. Never rejects. */
async function openclawAdvice(binary: string, host: Host): Promise<string> {
  if (!keepsOpenClaw(host.env)) return "";
  const run = createRun(host.env);
  const found = await run([binary, "openclaw", "sync", "--dry-run", "--quiet"], { timeout: 20_000 });
  return found.code === 0 && found.stdout !== "" ? "\nOpenClaw is out of step with it: ocp openclaw sync" : "";
}

/** An update that was interrupted after the new version had taken its place. */
async function finish(place: Place, around: Awaited<ReturnType<typeof surroundings>>): Promise<void> {
  await around.say("An update was interrupted; finishing it ...");
  if (around.server && !(await around.server.answers(place.version))) {
    await around.server.restart();
    if (!(await around.server.answers(place.version))) {
      throw new OcpError("not_ready", `${place.version} does not answer. Go back with: ocp update --rollback --yes`);
    }
  }
  removeMarker(place.data);
}

function demandSense({ check: asks, rollback: back, list: lists, snapshot, target }: Arguments): void {
  if (back !== true && (lists === true || snapshot !== undefined))
    throw usageError("--list and --snapshot go with --rollback.");
  if (back === true && (asks === true || target !== undefined))
    throw usageError("--rollback goes without --check and --target.");
}

async function check(args: Arguments, host: Host): Promise<number> {
  const { data } = resolvePaths(host.env);
  const dates = createListDates(data, build, Date.now);
  const found = await checkForUpdate(build, host.env, dates);
  if (found.problem !== null) {
    // Also with --json, since nothing was found out.
    throw new OcpError("not_ready", found.problem);
  }
  if (found.listDate !== null) await warn(dates.record(new Date(found.listDate)), host);
  const first = found.available
    ? `OCP ${found.latest} is there; this is ${found.current}. Install it with: ocp update`
    : `OCP ${standing(found)}`;
  const age = found.listDate === null ? "" : `${listAge(found.listDate, Date.now())}\n`;
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(found, null, 2)}\n` : `${first}\n${age}`);
  return found.available ? exitCodes.updateAvailable : exitCodes.ok;
}

async function plan(
  args: Arguments,
  host: Host,
  { binary, version, data }: Place,
  release: Release,
  target: string,
): Promise<number> {
  const steps = [
    `fetch ${release.version} for ${target} and check it`,
    "try it on a port of its own with a copy of the database",
    `keep ${version}, the database and the settings in ${data}`,
    `replace ${binary}`,
    "restart the service, and go back if it does not answer",
  ];
  return tell(
    args,
    host,
    { from: version, to: release.version, changed: false, steps },
    `Would ${steps.join(",\n  ")}.\nNothing was changed.`,
  );
}

async function list(args: Arguments, host: Host): Promise<number> {
  const found = snapshotsIn(resolvePaths(host.env).data);
  const rows = found.map((each) => [basename(each.directory), each.from, each.to, each.createdAt]);
  const table =
    rows.length === 0
      ? "There is nothing to go back to.\n"
      : columns([["SNAPSHOT", "BACK TO", "FROM", "TAKEN"], ...rows]);
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(found, null, 2)}\n` : table);
  return exitCodes.ok;
}

async function rollback(args: Arguments, host: Host): Promise<number> {
  const place = placeOf(host);
  const snapshot = chooseSnapshot(snapshotsIn(place.data), place, args.snapshot);
  const outcome = { from: place.version, to: snapshot.from, changed: false };
  if (args["dry-run"] === true) {
    return tell(
      args,
      host,
      outcome,
      `Would put OCP ${snapshot.from} of ${snapshot.directory} in the place of ${place.version}. Nothing was changed.`,
    );
  }
  if (!(await confirm(`Go back from OCP ${place.version} to ${snapshot.from}?`, args.yes === true, host)))
    return exitCodes.failure;
  const unlock = takeLock(join(place.data, "update.lock"), "ocp update");
  try {
    await goBack(snapshot, place, await surroundings(host, place));
  } finally {
    unlock();
  }
  return tell(args, host, { ...outcome, changed: true }, `OCP ${snapshot.from} is installed again.`);
}

/** The one named, else where an interrupted update came from, else the newest of another version. */
function chooseSnapshot(snapshots: readonly Snapshot[], { data, version }: Place, wanted: unknown): Snapshot {
  const marked = readMarker(data)?.snapshot;
  const found =
    wanted !== undefined
      ? snapshots.find(({ directory }) => basename(directory) === basename(String(wanted)))
      : (snapshots.find(({ directory }) => directory === marked) ?? snapshots.find(({ from }) => from !== version));
  if (found) return found;
  throw new OcpError(
    "not_found",
    wanted === undefined
      ? "There is nothing to go back to."
      : `There is no snapshot ${String(wanted)}. See: ocp update --rollback --list`,
  );
}

async function tell(args: Arguments, host: Host, outcome: object, text: string): Promise<number> {
  await write(host, host.stdout, args.json === true ? `${JSON.stringify(outcome, null, 2)}\n` : `${text}\n`);
  return exitCodes.ok;
}
