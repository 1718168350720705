/** The scratch home of isolated processes: no credential, no settings, and none of what a killed CLI leaves behind. */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

export interface Scratch {
  readonly path: string;
  /** Removes what the CLI kept about one of its processes, which is gone. Never fails. */
  forget(pid: number): Promise<void>;
}

/** Makes the directory if need be and sweeps out what earlier servers left. `realConfig` is the owner's `~/.claude`. */
export async function prepareScratch(path: string, realConfig: string): Promise<Scratch> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const config = join(path, ".claude");
  const leftovers = [
    join(config, ".credentials.json"),
    join(config, "settings.json"),
    join(config, "sessions"),
    join(path, "cc-socks"),
    join(path, "tmp"),
  ];
  await Promise.all(leftovers.map((each) => rm(each, { recursive: true, force: true })));

  return {
    path,
    async forget(pid) {
      // Seen on 2.1.330: sessions/<pid>.json and sessions/<pid>.<hash>.key, cc-socks/<pid>.sock; 197 has the first.
      await rm(join(path, "cc-socks", `${pid}.sock`), { force: true }).catch(() => {});
      for (const sessions of [join(config, "sessions"), join(realConfig, "sessions")]) {
        const names = await readdir(sessions).catch(() => []);
        const own = names.filter((name) => name.startsWith(`${pid}.`));
        await Promise.all(own.map((name) => rm(join(sessions, name), { force: true }).catch(() => {})));
      }
    },
  };
}
