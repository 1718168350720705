/** A home that cannot be used is the user's matter, told in a sentence, and no defect of ours. */

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { plainPath } from "../connect/shell.ts";
import { testEnv } from "../harness/env.ts";
import { ocpCommand } from "../harness/ocp.ts";
import { createTemp } from "../harness/temp.ts";

test.each(["connect 127.0.0.1:1 --yes", "connect --status", "disconnect", "uninstall --yes", "openclaw sync"])(
  "ocp %s names the file and the reason",
  async (line) => {
    await using temp = await createTemp();
    const home = join(temp.path, "a-file");
    writeFileSync(home, "mine\n");
    const child = Bun.spawn([...ocpCommand("binary"), ...line.split(" ")], {
      cwd: temp.path,
      env: testEnv(home, { PATH: plainPath, TMPDIR: temp.path }),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: 30_000,
      killSignal: "SIGKILL",
    });
    const stderr = await child.stderr.text();
    expect(await child.exited).toBe(1);
    expect(stderr).not.toContain("internal error");
    expect(stderr).toStartWith(`ocp: ${home}/`);
    expect(stderr).toEndWith("cannot be used: not a directory (ENOTDIR).\n");
  },
);
