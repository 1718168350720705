/** A server that says a version of an odd form is told from OCP, or taken as one, without a crash of the command. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { plainPath } from "../../connect/shell.ts";
import { testEnv } from "../../harness/env.ts";
import { ocpCommand } from "../../harness/ocp.ts";
import { createTemp, type Temp } from "../../harness/temp.ts";

let temp: Temp;
beforeAll(async () => {
  temp = await createTemp();
});
afterAll(() => temp.remove());

/** A server that says this version, and answers everything else with an object that no command understands. */
async function against(version: string, args: (url: string) => string[]) {
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      Response.json(request.url.endsWith("/health") ? { status: "ok", version, authMode: "none" } : { other: true }),
  });
  const child = Bun.spawn([...ocpCommand("binary"), ...args(server.url.origin)], {
    cwd: temp.path,
    env: testEnv(temp.home, { PATH: plainPath }),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  return { stderr: await child.stderr.text(), code: await child.exited };
}

describe.each([
  "4.0.0.0.0",
  "4.0.0_x",
  "4.1.0x",
  "99999999999999999999.1.1",
  "4.0.0-..",
  "4.0.0+a+b",
  "04.00.00",
  "v4",
  "4.0",
])("version %j", (version) => {
  test("of a server that is asked for its cache", async () => {
    const { code, stderr } = await against(version, (url) => ["cache", "--url", url]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is not OCP|is OCP /);
    expect(stderr).not.toContain("internal error");
  });

  test("of a server that clients are to be pointed to", async () => {
    const { code, stderr } = await against(version, (url) => ["connect", url, "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is not OCP|is OCP |lists no models|is none of OCP/);
    expect(stderr).not.toContain("internal error");
  });
});
