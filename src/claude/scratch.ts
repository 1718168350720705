/** The scratch home of isolated processes: no credential, no settings, and none of what a killed CLI leaves behind. */

import { mkdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
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
} from "./leftovers.ts";

export interface Scratch {
  readonly path: string;
  /** Makes the place for one process's temporary files, and the scratch home itself should it be gone. */
  begin(): Trace;
}

/** What one process leaves, or may leave, on disk. */
export interface Trace {
  /** For CLAUDE_CODE_TMPDIR. */
  readonly temporary: string;
  /** Removes what the CLI kept about the process, which is gone; `home` is the one it ran in. Never fails. */
  clear(pid: number, home: string): Promise<void>;
}

export interface ScratchOptions {
  path: string;
  /** The owner's `~/.claude`, for processes that ran in the owner's home. */
  realConfig: string;
}

/**
 * Makes the directory if need be, and sweeps out what earlier servers left. Throws OcpError not_ready when it is a
 * symbolic link.
 */
export async function prepareScratch({ path, realConfig }: ScratchOptions): Promise<Scratch> {
  await makeSwept(path);
  // A link to the owner's configuration would give the processes what this home is to keep from them.
  if (!(await isDirectory(join(path, ".claude")))) await remove(join(path, ".claude"));
  const unwanted = [".claude/.credentials.json", ".claude/settings.json", ".claude/sessions", "cc-socks", "tmp"];
  await Promise.all([...unwanted, ...toolLogs].map((name) => removeBelow(path, name)));
  await removeMatching(path, /^\.claude\.json\.tmp\./);
  await removeMatching(path, /^reminders\.json\.\d+$/);
  await removeUnfit(join(path, ".claude.json"));
  let begun = 0;

  return {
    path,
    begin() {
      const temporary = join(path, "tmp", `${process.pid}-${++begun}`);
      mkdirSync(temporary, { recursive: true, mode: 0o700 });
      return {
        temporary,
        // The owner's home holds files of other makers too, so every pattern there is exact.
        async clear(pid, home) {
          await Promise.all([
            remove(temporary),
            ...(home === path ? toolLogs.map((name) => removeBelow(path, name)) : []),
            removeMatching(join(path, "cc-socks"), socketOf(pid)),
            removeMatching(home, partialConfiguration(pid)),
            removeMatching(join(home === path ? join(path, ".claude") : realConfig, "sessions"), sessionRecord(pid)),
          ]);
        },
      };
    },
  };
}

/**
 * A configuration that a power cut left half-written ends every process of 2.1.330, and variables in one win over those
 * that we set; the CLI makes a new one.
 */
async function removeUnfit(file: string): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return;
  try {
    if ((JSON.parse(text) as { env?: unknown } | null)?.env === undefined) return;
  } catch {
    // It is broken.
  }
  await rm(file, { force: true });
}
