/**
 * Puts a release in the place of this binary, and back when it does not answer. At each moment the file is the old
 * version or the new one, whole: a process that is killed between two steps leaves a box that runs.
 */

import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { OcpError } from "../core/errors.ts";
import type { Run } from "../service/command.ts";
import { complaint } from "../service/command.ts";
import { restoreDatabase, schemaOf } from "../store/copy.ts";
import type { Release } from "./manifest.ts";
import { removeMarker, writeMarker } from "./marker.ts";
import type { ReleaseServer } from "./server.ts";
import { pruneSnapshots, type Snapshot, takeSnapshot } from "./snapshot.ts";

/** The server that runs the binary, if one does. */
export interface UpdatedServer {
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Whether it answers as this version, once it has had its time. */
  answers(version: string): Promise<boolean>;
  lastWords(): Promise<string>;
}

export interface Place {
  /** `~/.ocp`. */
  data: string;
  serviceEnv: string;
  /** The file that is replaced: no link. */
  binary: string;
  /** Its version. */
  version: string;
}

export interface Surroundings {
  /** Null: no service runs this binary. */
  server: UpdatedServer | null;
  run: Run;
  /** Tells the user what is being done. */
  say: (line: string) => Promise<void>;
  /** Called after each step with its name. */
  after: (step: string) => void;
  pid: number;
  /** Epoch ms. */
  now: () => number;
}

/** Beside the binary: a rename must not cross file systems. */
const scratchOf = (binary: string, pid: number) => join(dirname(binary), `.${basename(binary)}-update-${pid}`);

/** Throws OcpError with a sentence for whatever fails; the old version is then in its place, and runs again. */
export async function applyRelease(
  release: Release,
  target: string,
  from: ReleaseServer,
  place: Place,
  around: Surroundings,
): Promise<Snapshot> {
  const { say, after, server } = around;
  const asset = release.assets[target];
  if (!asset) throw new OcpError("not_found", `Release ${release.version} has no binary for ${target}.`);
  demandRoom(place, asset.binary.size);
  const scratch = scratchOf(place.binary, around.pid);
  sweep(place.binary);
  try {
    await say(`Fetching ${release.version} for ${target} (${Math.round(asset.size / 1e6)} MB) ...`);
    await from.download(asset, scratch);
    after("download");
    await say("Trying it ...");
    await tryOut(scratch, release.version, around.run);
    after("self-test");
    const snapshot = takeSnapshot({ ...place, from: place.version, to: release.version, now: around.now() });
    after("snapshot");
    writeMarker(place.data, {
      from: place.version,
      to: release.version,
      snapshot: snapshot.directory,
      binary: place.binary,
    });
    after("marker");
    swap(scratch, place.binary);
    after("swap");
    if (server) await settle(server, snapshot, release.version, place, around);
    removeMarker(place.data);
    pruneSnapshots(place.data);
    after("end");
    return snapshot;
  } finally {
    rmSync(scratch, { force: true });
  }
}

/** Restarts the service as the new version, and goes back when that does not answer. */
async function settle(server: UpdatedServer, snapshot: Snapshot, version: string, place: Place, around: Surroundings) {
  const { say, after } = around;
  await say("Restarting the service ...");
  const why = await server.restart().then(
    () => "",
    (error: Error) => error.message,
  );
  after("restart");
  if (why === "" && (await server.answers(version))) return;
  const words = why || (await server.lastWords()) || "it said nothing";
  await say(`${version} does not answer. Going back to ${snapshot.from} ...`);
  await goBack(snapshot, place, around);
  throw new OcpError(
    "not_ready",
    `${version} was installed and did not answer, so ${snapshot.from} runs again. It said: ${words}`,
  );
}

/**
 * Puts the binary of a snapshot back, and its database where the newer one cannot be read by it; then the service runs
 * it. Throws OcpError not_ready when the service does not answer after that.
 */
export async function goBack(snapshot: Snapshot, place: Place, around: Surroundings): Promise<void> {
  const { server, after } = around;
  const scratch = scratchOf(place.binary, around.pid);
  const database = join(place.data, "ocp.db");
  const copy = join(snapshot.directory, "ocp.db");
  copyFileSync(join(snapshot.directory, "ocp"), scratch);
  writeMarker(place.data, { from: snapshot.to, to: snapshot.from, snapshot: snapshot.directory, binary: place.binary });
  after("back-marker");
  const isNewer = snapshot.schema !== null && existsSync(database) && schemaOf(database) > snapshot.schema;
  if (isNewer) {
    await server?.stop();
    restoreDatabase(copy, database);
    after("back-database");
  }
  swap(scratch, place.binary);
  after("back-swap");
  if (server) {
    await server.restart();
    if (!(await server.answers(snapshot.from))) {
      const words = (await server.lastWords()) || "it said nothing";
      throw new OcpError("not_ready", `${snapshot.from} is in its place again, but does not answer. It said: ${words}`);
    }
  }
  removeMarker(place.data);
  after("back-end");
}

function swap(file: string, binary: string): void {
  const written = openSync(file, "r");
  fsyncSync(written);
  closeSync(written);
  renameSync(file, binary);
  const directory = openSync(dirname(binary), "r");
  fsyncSync(directory);
  closeSync(directory);
}

/** What interrupted updates have left beside the binary. Only for who holds the lock. */
function sweep(binary: string): void {
  const prefix = `.${basename(binary)}-update-`;
  for (const entry of readdirSync(dirname(binary), { withFileTypes: true })) {
    const isOurs = entry.isFile() && entry.name.startsWith(prefix) && /^\d+$/.test(entry.name.slice(prefix.length));
    if (isOurs) rmSync(join(dirname(binary), entry.name), { force: true });
  }
}

/** It must say its version, and serve from a copy of the database with the service's settings. */
async function tryOut(file: string, version: string, run: Run): Promise<void> {
  const said = await run([file, "--version"], { timeout: 30_000 });
  if (said.stdout.trim() !== version) {
    const why =
      said.code === 0 ? `it says that it is ${JSON.stringify(said.stdout.trim().slice(0, 40))}` : complaint(said);
    throw new OcpError("not_ready", `The new version does not run on this machine: ${why}. Nothing was changed.`);
  }
  const tested = await run([file, "self-test"], { timeout: 120_000 });
  if (tested.code === 0) return;
  throw new OcpError(
    "not_ready",
    `The new version does not serve on this machine: ${complaint(tested)} Nothing was changed.`,
  );
}

const slack = 32 * 1024 * 1024;

function demandRoom({ data, binary }: Place, bytes: number): void {
  const database = statSync(join(data, "ocp.db"), { throwIfNoEntry: false })?.size ?? 0;
  for (const [directory, needed] of [
    [dirname(binary), bytes],
    [data, database],
  ] as const) {
    const { bavail, bsize } = statfsSync(directory);
    const missing = needed + slack - bavail * bsize;
    if (missing <= 0) continue;
    throw new OcpError(
      "not_ready",
      `There is too little room in ${directory}: ${Math.ceil(missing / 1e6)} MB more are needed. Nothing was changed.`,
    );
  }
}
