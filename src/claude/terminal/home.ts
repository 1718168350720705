/** The home and the working directory of interactive sessions, and what sessions leave in them. */

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { lstat, readdir, readFile, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { OcpError } from "../../core/errors.ts";
import {
  isDirectory,
  makeSwept,
  partialConfiguration,
  remove,
  removeBelow,
  removeMatching,
  sessionRecord,
  socketOf,
  toolLogs,
} from "../leftovers.ts";
import { ranAt } from "../process-start.ts";
import { parseSessionName, pidOf } from "./files.ts";
import type { TerminalSettings } from "./settings.ts";

/**
 * How long, in ms, another program may hold the lock of the CLI's configuration, and after how long without a touch it
 * counts as forgotten: the CLI's own rule.
 */
const lockPatience = 12_000;
const forgotten = 10_000;

/** The reason of the OcpError that says so. */
const locked = "configuration_locked";

/** The CLI names a project's directory by this path, and cuts longer ones in a way of its own. */
const longestCwd = 200;

export interface Home {
  /** The working directory, without symbolic links. */
  readonly cwd: string;
  /**
   * A session begins in this home. Returns where the CLI will keep its transcript; the directory is there until `clear`.
   */
  enter(home: string, id: string): string;
  /** Sees to it that the CLI asks no questions before its first prompt. Throws OcpError not_ready. */
  admit(home: string): Promise<void>;
  /** Why no session could begin now; null: nothing is known to be in the way. */
  problem(): string | null;
  /** Removes what one ended session left in a home; exactly that, since it may be the owner's. Never fails. */
  clear(home: string, id: string, pid: number | null): Promise<void>;
}

/** Makes the directories, and sweeps out what servers left that are gone. Throws OcpError not_ready. */
export async function prepareHome(
  { home, cwd, sessions }: TerminalSettings,
  real: { home: string; claudeConfig: string },
): Promise<Home> {
  const makeAll = () => {
    make(home.path, "home directory (OCP_TUI_HOME)");
    make(cwd, "working directory (OCP_TUI_CWD)");
    make(sessions, "directory for sessions");
  };
  makeAll();
  for (const swept of [sessions, ...(home.ours ? [home.path] : [])]) await makeSwept(swept);
  const workingDirectory = realpathSync(cwd);
  if (workingDirectory.length > longestCwd) {
    throw new OcpError(
      "not_ready",
      `The working directory's path (OCP_TUI_CWD) is longer than ${longestCwd} characters.`,
    );
  }
  /** Why the last session could not begin. */
  let refused: OcpError | null = null;
  /** The sessions that are not cleared yet. */
  const present = new Set<string>();
  // CLAUDE_CONFIG_DIR moves what is the owner's, and no other home's.
  function configOf(at: string): string {
    return at === real.home ? real.claudeConfig : join(at, ".claude");
  }
  const fileOf = (at: string) => {
    const moved = configOf(at) !== join(at, ".claude");
    return join(moved ? configOf(at) : at, ".claude.json");
  };
  const projectOf = (at: string) => join(configOf(at), "projects", workingDirectory.replace(/[^A-Za-z0-9]/g, "-"));

  const { gone, others } = await sessionsIn(sessions);
  for (const { directory, id } of gone) {
    const noted = pidOf(directory);
    // Another process may have the number by now, and keep its own things under it.
    const isTaken = noted !== null && ranAt(noted.pid, Date.now()) && !ranAt(noted.pid, noted.notedAt);
    const pid = isTaken ? null : (noted?.pid ?? null);
    for (const each of new Set([home.path, real.home])) await clear(each, id, pid);
    await remove(directory);
  }
  if (home.ours && others === 0) {
    const names = await readdir(home.path);
    const swept = names.filter((name) => name !== ".claude.json");
    await Promise.all(swept.map((name) => remove(join(home.path, name))));
  }

  async function clear(at: string, id: string, pid: number | null): Promise<void> {
    const config = configOf(at);
    const project = projectOf(at);
    const exact = [join(project, `${id}.jsonl`), join(project, id)];
    for (const kind of ["image-cache", "file-history", "session-env", "todos", "tasks"])
      exact.push(join(config, kind, id));
    exact.push(join(config, "debug", `${id}.txt`));
    await Promise.all(exact.map(remove));
    // Of all sessions, in a home where nobody else has any.
    if (home.ours && at === home.path) {
      const ofAll = [".claude/history.jsonl", ".claude/paste-cache", ...toolLogs];
      await Promise.all(ofAll.map((name) => removeBelow(at, name)));
    }
    if (pid !== null) {
      await removeMatching(join(config, "sessions"), sessionRecord(pid));
      await removeMatching(dirname(fileOf(at)), partialConfiguration(pid));
      // Where the path of its own directory is too long for a socket.
      await removeMatching(join("/tmp", `cc-socks-${process.getuid?.()}`), socketOf(pid));
    }
    present.delete(id);
    if (present.size > 0) return;
    try {
      // Only while it is empty. At once: the next session may begin any time.
      rmdirSync(project);
    } catch {
      // The owner's sessions are in it, or nothing ever was.
    }
  }

  async function trust(at: string): Promise<void> {
    const file = fileOf(at);
    const before = await readFile(file, "utf8").catch(() => null);
    if (isAdmitted(before, workingDirectory)) return;
    // A home in which nobody ever ran the CLI has no login either; there is nothing to add to.
    if (before === null && !home.ours && at !== home.path) return;
    await underLock(`${file}.lock`, () => {
      const text = readOr(file, "{}");
      // People keep it elsewhere, by a symbolic link.
      const real = before === null ? file : realpathSync(file);
      const partial = `${real}.ocp-${process.pid}`;
      writeFileSync(partial, admitted(text, workingDirectory, home.ours && at === home.path), { mode: 0o600 });
      renameSync(partial, real);
    });
  }

  return {
    cwd: workingDirectory,
    enter(at, id) {
      mkdirSync(projectOf(at), { recursive: true, mode: 0o700 });
      present.add(id);
      return join(projectOf(at), `${id}.jsonl`);
    },
    async admit(at) {
      // Somebody may have tidied up.
      makeAll();
      refused = await trust(at).then(
        () => null,
        (error) => error,
      );
      if (refused) throw refused;
    },
    problem() {
      try {
        makeAll();
      } catch (error) {
        return (error as OcpError).message;
      }
      // A lock that was let go is in nobody's way.
      if (refused?.reason === locked && !existsSync(`${fileOf(home.path)}.lock`)) refused = null;
      return refused?.message ?? null;
    },
    clear,
  };
}

interface LeftSession {
  directory: string;
  id: string;
}

/**
 * The sessions of servers that are gone, and how many there are of others. What is not called as a session's directory
 * is, or is none, was not made by a server, and is left alone.
 */
async function sessionsIn(sessions: string): Promise<{ gone: LeftSession[]; others: number }> {
  const gone: LeftSession[] = [];
  let others = 0;
  for (const name of await readdir(sessions)) {
    const parts = parseSessionName(name);
    const directory = join(sessions, name);
    if (parts === null || !(await isDirectory(directory))) continue;
    const { birthtimeMs, ctimeMs } = await lstat(directory);
    // A server in a container often gets the number of the one before.
    const isGone = parts.server === process.pid || !ranAt(parts.server, birthtimeMs || ctimeMs);
    if (isGone) gone.push({ directory, id: parts.id });
    else others++;
  }
  return { gone, others };
}

function make(directory: string, what: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new OcpError("not_ready", `The interactive mode cannot use its ${what}: ${codeOf(cause)}.`, { cause });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}

/**
 * Where the mode is off again: removes what it kept, but for what lies in its working directory, and all of that once no
 * other server runs in it. Throws OcpError not_ready, and what the file system says.
 */
export async function forgetHome(
  settings: TerminalSettings,
  real: { home: string; claudeConfig: string },
): Promise<void> {
  const { home, cwd, sessions } = settings;
  await prepareHome(settings, real);
  if ((await sessionsIn(sessions)).others > 0) return;
  if (home.ours) await remove(home.path);
  for (const directory of [sessions, cwd, dirname(sessions)]) await rmdir(directory).catch(() => {});
}

interface Configuration {
  hasCompletedOnboarding?: unknown;
  projects?: Record<string, Record<string, unknown> | undefined>;
}

function isAdmitted(text: string | null, cwd: string): boolean {
  const configuration = parse(text ?? "");
  return (
    configuration?.hasCompletedOnboarding === true && configuration.projects?.[cwd]?.hasTrustDialogAccepted === true
  );
}

/** The CLI's configuration with the trust that its dialog would ask for; a broken one of ours is made anew. */
function admitted(text: string, cwd: string, ours: boolean): string {
  const configuration = parse(text);
  if (configuration === null && !ours) {
    throw new OcpError("not_ready", "The claude CLI's configuration (.claude.json) cannot be read.");
  }
  const { projects, ...rest } = configuration ?? {};
  return JSON.stringify(
    {
      theme: "dark",
      ...rest,
      hasCompletedOnboarding: true,
      projects: {
        ...projects,
        [cwd]: { ...projects?.[cwd], hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true },
      },
    },
    null,
    2,
  );
}

function parse(text: string): Configuration | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Configuration) : null;
  } catch {
    return null;
  }
}

function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return fallback;
  }
}

/** The CLI's own lock: a directory. Throws OcpError not_ready when it cannot be had. */
async function underLock(lock: string, action: () => void): Promise<void> {
  const deadline = performance.now() + lockPatience;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") {
        const why = `The claude CLI's configuration (.claude.json) cannot be locked: ${codeOf(cause)}.`;
        throw new OcpError("not_ready", why, { cause });
      }
      if (performance.now() > deadline) throw lockedByAnother(cause);
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN);
      if (age > forgotten) drop(lock);
      else await Bun.sleep(50);
    }
  }
  try {
    action();
  } finally {
    drop(lock);
  }
}

function lockedByAnother(cause: unknown): OcpError {
  const why = "The claude CLI's configuration (.claude.json) is locked by another program.";
  return new OcpError("not_ready", why, { reason: locked, cause });
}

/** The CLI may have been faster. */
function drop(lock: string): void {
  try {
    rmdirSync(lock);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw lockedByAnother(error);
  }
}
