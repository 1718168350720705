/** The file that a service manager without a journal fills with what the server says. */

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { testEnv } from "../harness/env.ts";
import { ocpCommand, type Target, targets } from "../harness/ocp.ts";
import { waitUntil } from "../harness/processes.ts";
import { createTemp } from "../harness/temp.ts";

const bound = 1024 * 1024;

/** The server, with its output appended to the file of this name in the log's directory. */
async function serveInto(target: Target, name: string) {
  const temp = await createTemp();
  const logs = join(temp.home, ".ocp", "logs");
  mkdirSync(logs, { recursive: true });
  const output = join(logs, name);
  const command = [...ocpCommand(target), "serve", "--port", "0", "--demo"];
  const child = Bun.spawn(["sh", "-c", 'out=$1; shift; exec "$@" >>"$out" 2>&1', "sh", output, ...command], {
    cwd: temp.path,
    env: testEnv(temp.home),
    stdin: "ignore",
  });
  const url = await waitUntil(
    "it listens",
    () => /^http:\/\/\S+$/m.exec(readFileSync(output, { encoding: "utf8", flag: "a+" }))?.[0],
    20_000,
  );
  return {
    url,
    output,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await temp.remove();
    },
  };
}

/** Asks until so many bytes must have been said about it. */
async function chatter(url: string, bytes: number): Promise<void> {
  let left = Math.ceil(bytes / 100);
  const one = async () => {
    while (left-- > 0) await (await fetch(`${url}/v1/models?${"x".repeat(8)}`)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

describe.each(targets())("%s", (target) => {
  test("the service's file stays small however much is asked, and ends with what was said last", async () => {
    await using served = await serveInto(target, "service.log");
    await chatter(served.url, 1.5 * bound);
    expect((await fetch(`${served.url}/the-last-one`)).status).toBe(404);
    await waitUntil("the last line is there", () => readFileSync(served.output, "utf8").includes("/the-last-one"));
    expect(statSync(served.output).size).toBeLessThan(bound + 64 * 1024);
    expect(readFileSync(served.output).includes(0)).toBe(false);
  }, 120_000);

  test("a file of the owner's own choice is left whole", async () => {
    await using served = await serveInto(target, "mine.log");
    await chatter(served.url, 1.5 * bound);
    expect((await fetch(`${served.url}/the-last-one`)).status).toBe(404);
    await waitUntil("the last line is there", () => readFileSync(served.output, "utf8").includes("/the-last-one"));
    expect(readFileSync(served.output, "utf8").slice(0, 500)).toContain("started");
    expect(statSync(served.output).size).toBeGreaterThan(bound);
  }, 120_000);
});
