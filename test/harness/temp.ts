/** A temporary directory with a HOME in it, for every process that a test starts. */

import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Temp extends AsyncDisposable {
  path: string;
  /** An empty home, with an empty `tmp` in it. */
  home: string;
  remove(): Promise<void>;
}

/** `await using temp = await createTemp()`, or `remove()` in afterAll. */
export async function createTemp(): Promise<Temp> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "ocp-test-")));
  const home = join(path, "home");
  await mkdir(join(home, "tmp"), { recursive: true });
  // A process that is just dying may still write, which makes a removal fail.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return { path, home, remove, [Symbol.asyncDispose]: remove };
}
