/** The scratch home of isolated processes: no credential, no settings, and none of what a killed CLI leaves behind. */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

export interface Scratch {
  readonly path: string;
  /** Removes what the CLI kept about one of its processes, which is gone. Never fails. */
  forget(pid: number): Promise<void>;
}

export interface ScratchOptions {
  path: string;
  /** The owner's home and `~/.claude`, where a process may have run too. */
  realHome: string;
  realConfig: string;
}

/** Makes the directory if need be and sweeps out what earlier servers left. */
export async function prepareScratch({ path, realHome, realConfig }: ScratchOptions): Promise<Scratch> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const config = join(path, ".claude");
  const unwanted = [".claude/.credentials.json", ".claude/settings.json", ".claude/sessions", "cc-socks", "tmp"];
  await Promise.all(unwanted.map((name) => rm(join(path, name), { recursive: true, force: true })));
  await removeAll(path, (name) => name.startsWith(".claude.json.tmp."));

  return {
    path,
    // What 2.1.330 leaves when it is killed; 2.1.197 leaves less of the same.
    async forget(pid) {
      const own = (name: string) => name.startsWith(`${pid}.`) || name.startsWith(`.claude.json.tmp.${pid}.`);
      const places = [path, join(path, "cc-socks"), join(config, "sessions"), realHome, join(realConfig, "sessions")];
      await Promise.all(places.map((place) => removeAll(place, own)));
    },
  };
}

async function removeAll(directory: string, unwanted: (name: string) => boolean): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  await Promise.all(names.filter(unwanted).map((name) => rm(join(directory, name), { force: true }).catch(() => {})));
}
