/** The environment of a process under test: nothing of the machine's own but PATH and the language. */

import { join } from "node:path";

/** `home`: of a Temp. `extra` is added last; undefined leaves a variable out. */
export function testEnv(home: string, extra: Record<string, string | undefined> = {}): Record<string, string> {
  const all = {
    PATH: process.env.PATH,
    LANG: process.env.LANG ?? "C.UTF-8",
    HOME: home,
    TMPDIR: join(home, "tmp"),
    NODE_ENV: "test",
    ...extra,
  };
  const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(present);
}
