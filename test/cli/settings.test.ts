/** `ocp settings` against a running server: what it shows, what it changes, and what it says to a mistake. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Ocp, startOcp, targets } from "../harness/ocp.ts";
import { runOcp } from "./run.ts";

describe.each(targets())("ocp settings from %s", (target) => {
  let ocp: Ocp;
  const run = (...args: string[]) => runOcp(target, ["settings", ...args], { OCP_URL: ocp.url });

  beforeAll(async () => {
    ocp = await startOcp({
      target,
      args: ["--max-queue", "5"],
      env: { PROXY_API_KEY: "a-long-secret", CLAUDE_AUTH_MODE: "none" },
    });
  });
  afterAll(() => ocp[Symbol.asyncDispose]());

  test("is a table of what can be changed, with range, unit and source", async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^SETTING +VALUE +RANGE +UNIT +SOURCE\n/);
    expect(stdout).toMatch(/^timeout +600000 +30000-1800000 +ms +default$/m);
    expect(stdout).toMatch(/^maxQueue +5 +0-10000 +- +flag$/m);
    expect(stdout).toMatch(/^spares +0 +0-16 +- +environment \(OCP_SPARES\)$/m);
    expect(stdout).toMatch(/^logLevel +info +error, warn, info +- +default$/m);
    expect(stdout).not.toMatch(/^port /m);
    expect(stdout).not.toContain("?");
  });

  test("--all adds what only the start sets, and shows no secret", async () => {
    const { stdout } = await run("--all");
    expect(stdout).toMatch(/^port +0 +at start +- +flag$/m);
    expect(stdout).toMatch(/^proxyApiKey +set, and not shown +at start +- +environment \(PROXY_API_KEY\)$/m);
    expect(stdout).not.toContain("a-long-secret");
  });

  test("--json is what the server says", async () => {
    const { stdout } = await run("--json");
    expect(JSON.parse(stdout)).toEqual((await (await fetch(`${ocp.url}/settings`)).json()) as object);
  });

  test("explains one by its key in any case, or by its variable", async () => {
    for (const name of ["timeout", "TIMEOUT", "CLAUDE_TIMEOUT"]) {
      const { code, stdout } = await run(name);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^timeout: How long an answer may take .*\.\n\n {2}value +600000 ms\n {2}range +30000-1800000\n/,
      );
    }
    expect((await run("port")).stdout).toContain("set CLAUDE_PROXY_PORT and restart");
    expect(JSON.parse((await run("maxQueue", "--json")).stdout)).toMatchObject({ key: "maxQueue", value: 5 });
  });

  test.each([
    ["maxConcurrent", "4", "maxConcurrent is now 4 (stored).\n", 4],
    ["maxConcurrent", "none", "maxConcurrent is now 8 (default).\n", 8],
    ["timeout", "60000", "timeout is now 60000 ms (stored).\n", 60_000],
    ["imageAllowUrl", "yes", "imageAllowUrl is now true (stored).\n", true],
    ["systemPrompt", "Answer in rhymes.", "systemPrompt is now Answer in rhymes. (stored).\n", "Answer in rhymes."],
    ["maxPromptChars", "none", "maxPromptChars is now unset (default).\n", null],
  ])("%s %s changes it", async (key, value, said, now) => {
    expect(await run(key, value)).toEqual({ code: 0, stdout: said, stderr: "" });
    expect(JSON.parse((await run(key, "--json")).stdout).value).toBe(now);
  });

  test.each([
    [["timeout", "5"], /^ocp: timeout is "5"\. It must be a whole number from 30000 to 1800000 \(ms\)\.\n$/],
    [["timeout", "soon"], /^ocp: timeout must be a whole number from 30000 to 1800000 \(ms\)/],
    [["imageAllowUrl", "maybe"], /^ocp: imageAllowUrl must be true or false/],
    [["maxQueue", "7"], /^ocp: maxQueue is fixed by the flag --max-queue/],
    [["port", "7"], /^ocp: port holds until the next start: set CLAUDE_PROXY_PORT and restart\.\n$/],
    [["timout"], /^ocp: There is no setting "timout"\. Did you mean timeout\?/],
    [["timeout", "1", "2"], /does not take the argument "2"/],
  ])("%j is refused with a sentence", async (args, sentence) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toMatch(sentence);
  });
});
