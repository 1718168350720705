/** Programs that stand in for a service manager: each records how it was called, and keeps what it was told. */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface StandIns {
  /** For the front of a PATH. */
  bin: string;
  /** Where they keep what they know. */
  state: string;
  /** The calls so far, a line each. */
  calls(): string[];
}

/** `programs`: the body of each as POSIX sh; `$STATE` is the directory in which it may keep things. */
export function createStandIns(directory: string, programs: Readonly<Record<string, string>>): StandIns {
  const [bin, state] = [join(directory, "bin"), join(directory, "state")];
  for (const each of [bin, state]) mkdirSync(each, { recursive: true });
  const log = join(state, "calls");
  for (const [name, body] of Object.entries(programs)) {
    const file = join(bin, name);
    writeFileSync(file, `#!/bin/sh\nSTATE='${state}'\necho "${name} $*" >>'${log}'\n${body}\n`);
    chmodSync(file, 0o755);
  }
  return {
    bin,
    state,
    calls: () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []),
  };
}

/** Knows loaded services by the files in STATE; refuses the first bootstrap after a bootout, as the real one does. */
export const launchctl = `
case "$1" in
  print) [ -e "$STATE/\${2##*/}" ] || { echo "Could not find service" >&2; exit 113; }
    printf '\\tstate = running\\n\\tpid = 4321\\n' ;;
  bootout) rm -f "$STATE/\${2##*/}"; touch "$STATE/busy" ;;
  bootstrap) if [ -e "$STATE/busy" ]; then
      rm "$STATE/busy"; echo "Bootstrap failed: 5: Input/output error" >&2; exit 5
    fi
    name=\${3##*/}; cp "$3" "$STATE/\${name%.plist}" ;;
esac`;

/** Keeps one table. */
export const crontab = `
case "$1" in
  -l) [ -e "$STATE/table" ] || { echo "no crontab for you" >&2; exit 1; }
    cat "$STATE/table" ;;
  -) cat >"$STATE/table" ;;
esac`;
