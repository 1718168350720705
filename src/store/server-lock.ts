/** Holds a data directory for one server, from its start to its end. */

import { Database } from "bun:sqlite";
import { closeSync, constants, lstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { OcpError } from "../core/errors.ts";
import { isBusy, notReady } from "./trouble.ts";

const name = "server.lock";
/** How long, in ms, to wait for a server that is about to end. */
const patience = 1_000;

/**
 * Returns how to give the directory back. The lock is SQLite's own on an empty file: it needs no pid that could be
 * somebody else's by now, and the kernel drops it with the process, however that ends. A child does not inherit it.
 * Nothing else in this process may open the file: closing it would drop the lock. Throws OcpError not_ready with the
 * reason `cannot_listen` while another server has it.
 */
export function holdForServer(directory: string): () => void {
  const path = join(directory, name);
  prepare(path);
  const db = new Database(path, { create: false, readwrite: true });
  try {
    db.run(`pragma busy_timeout = ${patience}`);
    db.run("pragma journal_mode = memory");
    db.run("begin exclusive");
  } catch (error) {
    db.close(true);
    if (isBusy(error)) throw taken(directory, error);
    throw notReady(`The lock ${path} cannot be used. Delete it and start again.`, error);
  }
  return () => db.close(true);
}

/** The file is ours and nobody else's to read, as all that lies beside it. */
function prepare(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return;
  if (found) throw notReady(`The lock ${path} is no file. Move it away and start again.`);
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600));
  } catch (error) {
    // Another server was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function taken(directory: string, cause: unknown): OcpError {
  return new OcpError(
    "not_ready",
    `Another ocp server is at work with ${directory}. Stop that one, or give this one a HOME of its own.`,
    { reason: "cannot_listen", cause },
  );
}
