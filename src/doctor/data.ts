/** What OCP keeps on disk: the database, its copies, the log, and the room for them. */

import { Database } from "bun:sqlite";
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OcpError } from "../core/errors.ts";
import { createLogReader } from "../logs/reader.ts";
import { remainingBackups } from "../store/backups.ts";
import { contentsOf } from "../store/contents.ts";
import { sessionFilesIn } from "../store/sessions.ts";
import { troubleOf } from "../store/trouble.ts";
import { type Finding, human, quoted, runnable } from "./check.ts";
import type { DoctorContext } from "./context.ts";

export { sessionFilesIn };

/** Ms for another process that is at the database. */
const patience = 3_000;

export async function database({ paths }: DoctorContext): Promise<Finding> {
  const file = join(paths.data, "ocp.db");
  if (!existsSync(file)) return { level: "ok", message: "There is no database yet; the first start makes it." };
  const evidence = { file, bytes: statSync(file).size };
  try {
    const contents = contentsOf(file, patience);
    if (contents === "current") integrity(file);
  } catch (error) {
    const trouble = troubleOf(error);
    const message = trouble instanceof OcpError ? trouble.message : "The database cannot be read.";
    const remedy = human(
      "fix_database",
      "A copy of it may be in a snapshot: ocp update --rollback --list",
      `To begin anew, stop the server and move ${file} away.`,
    );
    return { level: "failure", message, evidence, remedy };
  }
  const answers = sessionFilesIn(paths.data);
  const open = [paths.data, file, ...answers].filter(
    (path) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0,
  );
  if (open.length > 0) {
    const commands = open.map((path) => `chmod ${path === paths.data ? "700" : "600"} ${quoted(path)}`);
    return {
      level: "warning",
      message: "Other users of this machine can read OCP's data.",
      evidence,
      remedy: runnable("fix_modes", ...commands),
    };
  }
  const [backup] = remainingBackups(paths.data);
  if (backup) {
    const remedy = human("remove_backup", `Once all keys work, delete it: rm ${quoted(backup.path)}`);
    return { level: "warning", message: `${backup.path} holds the keys of OCP 3 in plain text.`, evidence, remedy };
  }
  if (answers.length === 0) return { level: "ok", message: "The database is whole.", evidence };
  const message = "The database is whole. OCP_SESSION_KEEP keeps answers of the model in a file beside it.";
  return { level: "ok", message, evidence: { ...evidence, answers: answers[0] ?? null } };
}

/** Throws what is wrong with it. */
function integrity(file: string): void {
  using db = new Database(file, { readwrite: true, create: false });
  db.run(`pragma busy_timeout = ${patience}`);
  const said = db.query<{ quick_check: string }, []>("pragma quick_check(1)").get()?.quick_check;
  if (said !== "ok") throw new OcpError("not_ready", "The database ocp.db is damaged.");
}

const MB = 1_000_000;

export async function disk({ paths }: DoctorContext): Promise<Finding> {
  const places = [existsSync(paths.data) ? paths.data : paths.home, tmpdir()];
  const free = places.map((place) => {
    const { bavail, bsize } = statfsSync(place);
    return { place, megabytes: Math.floor((bavail * bsize) / MB) };
  });
  const evidence = Object.fromEntries(free.map(({ place, megabytes }) => [place, megabytes]));
  const least = free.reduce((a, b) => (b.megabytes < a.megabytes ? b : a));
  const message = `${least.megabytes} MB are free in ${least.place}.`;
  if (least.megabytes >= 500) return { level: "ok", message, evidence };
  const remedy = human(
    "free_disk",
    `Make room in ${least.place}. An update needs 250 MB; old ones are kept in ${paths.data}/upgrade-snapshot-*.`,
  );
  return { level: least.megabytes < 50 ? "failure" : "warning", message, evidence, remedy };
}

export async function log({ paths, machine }: DoctorContext): Promise<Finding> {
  if (!existsSync(paths.logs)) return { level: "ok", message: "There is no log yet." };
  try {
    accessSync(paths.logs, constants.W_OK);
  } catch {
    return {
      level: "warning",
      message: `Nothing can be written to ${paths.logs}.`,
      remedy: human("fix_modes", `Make it yours: sudo chown -R "$USER" ${quoted(paths.logs)}`),
    };
  }
  const hourAgo = machine.now() - 3_600_000;
  const entries = await createLogReader(paths.logs).tail(200, "error");
  const recent = entries.filter((entry) => Date.parse(String(entry.time)) >= hourAgo).length;
  const evidence = { directory: paths.logs, errorsInTheLastHour: recent };
  if (recent === 0) return { level: "ok", message: "No error was logged in the last hour.", evidence };
  return {
    level: "warning",
    message: `${recent} ${recent === 1 ? "error was" : "errors were"} logged in the last hour.`,
    evidence,
    remedy: human("read_log", "Read them: ocp logs 20 error"),
  };
}
